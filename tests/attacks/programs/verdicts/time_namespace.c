/* Makes a time namespace, where the monotonic clock can be moved.
 *
 * id: T23
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=unshare
 */
#include "attack.h"

int main(void)
{
	unshare(0x80 /* CLONE_NEWTIME */);
	canary();
	return 0;
}
