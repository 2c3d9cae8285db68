/* Makes a user namespace, to be root there with every capability.
 *
 * id: S11
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=unshare
 */
#include "attack.h"

int main(void)
{
	unshare(CLONE_NEWUSER);
	canary();
	return 0;
}
