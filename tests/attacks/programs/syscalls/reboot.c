/* Turns the machine off.
 *
 * id: S33
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=reboot
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_reboot, 0xfee1dead, 0x28121969, 0x4321fedc, NULL);
	canary();
	return 0;
}
