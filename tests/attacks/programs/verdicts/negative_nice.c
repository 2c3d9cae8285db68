/* Asks for more than its share of the processor, by nice.
 *
 * id: T25
 * contained: a negative nice needs a capability
 * expect: OK 'stdout=refused: E(PERM|ACCES|NOSYS)'
 * or: VIOLATION syscall=setpriority -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	return refused(setpriority(PRIO_PROCESS, 0, -20));
}
