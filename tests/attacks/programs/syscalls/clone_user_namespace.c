/* Makes a user namespace by clone, not by unshare.
 *
 * id: S15
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=clone
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	canary();
	return 0;
}
