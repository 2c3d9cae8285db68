/* Joins a namespace: of process 1, which may be the helper's.
 *
 * id: S14
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=setns
 */
#include "attack.h"

int main(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY);
	setns(fd, 0);
	canary();
	return 0;
}
