/* Starts a program by the x32 number of execve, which no allow-list of native numbers has.
 *
 * id: S76
 * contained: numbers with bit 30 are none of the native architecture
 * expect: VIOLATION syscall=execve arch=x32
 * or: VIOLATION syscall=#1073742344 -- whoever decodes it may know no names of that ABI
 * or: OK 'stdout=refused: ENOSYS' -- a kernel without x32 never gets to the filter
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	return refused(syscall(0x40000000 | 520, "/bin/sh", NULL, NULL));
}
