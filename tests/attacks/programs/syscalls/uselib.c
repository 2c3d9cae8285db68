/* Loads a library by the system call that nobody uses.
 *
 * id: S66
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=uselib
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_uselib, "/lib/libc.so");
	canary();
	return 0;
}
