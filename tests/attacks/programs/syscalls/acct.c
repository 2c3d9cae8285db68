/* Turns on process accounting into a file of its own.
 *
 * id: S36
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=acct
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_acct, "accounts");
	canary();
	return 0;
}
