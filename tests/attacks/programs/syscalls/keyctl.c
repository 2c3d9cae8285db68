/* Looks into the keyrings of its user.
 *
 * id: S45
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=keyctl
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_keyctl, 0, -4, 1);
	canary();
	return 0;
}
