/* Calls system call -1.
 *
 * id: S53
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=#-1
 * or: VIOLATION syscall=#4294967295 -- the same number, without its sign
 */
#include "attack.h"

int main(void)
{
	syscall(-1L);
	canary();
	return 0;
}
