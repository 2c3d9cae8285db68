/* Makes the node of the machine's memory, by the old system call.
 *
 * id: S22
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mknod
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_mknod, "mem", S_IFCHR | 0600, (1 << 8) | 1);
	canary();
	return 0;
}
