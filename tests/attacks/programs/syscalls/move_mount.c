/* Moves the mount of /proc by itself.
 *
 * id: S8
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=move_mount
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp", 0);
	canary();
	return 0;
}
