/* Calls system call 1000000.
 *
 * id: S55
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=#1000000
 */
#include "attack.h"

int main(void)
{
	syscall(1000000);
	canary();
	return 0;
}
