/* Binds the root below itself again and again, until the kernel has no mounts left.
 *
 * id: S3
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	mkdir("deep", 0700);
	for (int i = 0; i < 100000; i++)
		mount("/", "deep", NULL, MS_BIND | MS_REC, NULL);
	canary();
	return 0;
}
