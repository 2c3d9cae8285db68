/* Calls getpid by its x32 number: bit 30 set, the same architecture for a filter that does not look at the bit.
 *
 * id: S75
 * contained: numbers with bit 30 are none of the native architecture
 * expect: VIOLATION syscall=getpid arch=x32
 * or: VIOLATION syscall=#1073741863 -- whoever decodes it may know no names of that ABI
 * or: OK 'stdout=refused: ENOSYS' -- a kernel without x32 never gets to the filter
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	return refused(syscall(0x40000000 | 39));
}
