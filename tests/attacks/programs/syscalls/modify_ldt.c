/* Makes a 16-bit code segment, for old holes of the kernel.
 *
 * id: S50
 * contained: answered ENOSYS: many kernels are built without it
 * expect: OK stdout='refused: ENOSYS'
 * or: VIOLATION syscall=modify_ldt -- a policy may take it for an attack
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	uint32_t entry[4] = { 0, 0, 0xfffff, 0x51 };
	long done = syscall(SYS_modify_ldt, 1, entry, sizeof entry);
	return refused(done);
}
