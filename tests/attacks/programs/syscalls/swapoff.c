/* Turns off the machine's swap.
 *
 * id: S35
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=swapoff
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_swapoff, "/dev/vda");
	canary();
	return 0;
}
