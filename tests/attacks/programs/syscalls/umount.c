/* Unmounts /proc, to see what lies below.
 *
 * id: S4
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=umount2
 */
#include "attack.h"

int main(void)
{
	umount2("/proc", MNT_DETACH);
	canary();
	return 0;
}
