/* Makes a file system by the new mount calls.
 *
 * id: S9
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=fsopen
 */
#include "attack.h"

int main(void)
{
	int context = (int)syscall(SYS_fsopen, "tmpfs", 0);
	syscall(SYS_fsconfig, context, 6, NULL, NULL, 0);
	syscall(SYS_fsmount, context, 0, 0);
	canary();
	return 0;
}
