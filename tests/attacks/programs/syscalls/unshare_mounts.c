/* Makes a mount namespace.
 *
 * id: S12
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=unshare
 */
#include "attack.h"

int main(void)
{
	unshare(CLONE_NEWNS);
	canary();
	return 0;
}
