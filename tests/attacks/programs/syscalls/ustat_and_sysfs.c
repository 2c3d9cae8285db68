/* Asks by forgotten system calls for the host's file systems.
 *
 * id: S67
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=sysfs
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_sysfs, 3);
	canary();
	return 0;
}
