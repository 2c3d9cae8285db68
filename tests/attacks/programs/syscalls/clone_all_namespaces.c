/* Makes each namespace by clone that needs no user namespace.
 *
 * id: S16
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=clone
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
	canary();
	return 0;
}
