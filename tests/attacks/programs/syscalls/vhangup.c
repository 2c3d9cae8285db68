/* Hangs up the terminal.
 *
 * id: S49
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=vhangup
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_vhangup);
	canary();
	return 0;
}
