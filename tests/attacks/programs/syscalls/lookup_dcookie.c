/* Turns numbers into paths of the host.
 *
 * id: S51
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=lookup_dcookie
 */
#include "attack.h"

int main(void)
{
	char path[4096];
	syscall(SYS_lookup_dcookie, 1, path, sizeof path);
	canary();
	return 0;
}
