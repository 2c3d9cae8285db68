/* Marks a call as the launcher marks those of process 1, for which the supervisor lets pass what is refused to all others.
 *
 * id: V32
 * contained: who calls is told by its process, not by what it says of itself
 * expect: VIOLATION syscall=capset count=1
 */
#include "attack.h"

int main(void)
{
	unsigned header[2] = { 0x20080522, 0 }, sets[6] = { ~0u, ~0u, 0, ~0u, ~0u, 0 };

	syscall(SYS_capset, header, sets, 0, 0, 0x57415244);
	canary();
	return 0;
}
