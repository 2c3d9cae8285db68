/* Gives itself every capability.
 *
 * id: S60
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=capset
 * or: OK 'stdout=refused: EPERM' -- without capabilities the kernel refuses it
 */
#include "attack.h"

int main(void)
{
	uint32_t head[2] = { 0x20080522, 0 };
	uint32_t sets[6] = { ~0U, ~0U, ~0U, ~0U, ~0U, ~0U };
	long done = syscall(SYS_capset, head, sets);
	return refused(done);
}
