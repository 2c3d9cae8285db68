/* Asks for the processor's input and output ports.
 *
 * id: S39
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=iopl
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_iopl, 3);
	canary();
	return 0;
}
