/* Hides the flags of unshare behind bits that the kernel does not look at.
 *
 * id: S13
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=unshare
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_unshare, 0x700000000UL | CLONE_NEWUSER);
	canary();
	return 0;
}
