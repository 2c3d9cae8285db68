/* Asks for the ports of the keyboard controller, which can reset the machine.
 *
 * id: S40
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=ioperm
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_ioperm, 0x60, 5, 1);
	canary();
	return 0;
}
