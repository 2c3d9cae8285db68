/* Asks for real-time access to the disk.
 *
 * id: T26
 * contained: a real-time class needs a capability
 * expect: OK 'stdout=refused: E(PERM|NOSYS)'
 * or: VIOLATION syscall=ioprio_set -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	return refused(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
}
