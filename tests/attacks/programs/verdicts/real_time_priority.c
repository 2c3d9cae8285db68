/* Makes itself more important than everything else on the machine.
 *
 * id: T24
 * contained: real-time priority needs a capability
 * expect: OK 'stdout=refused: E(PERM|INVAL|NOSYS)'
 * or: VIOLATION syscall=sched_setscheduler -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	struct sched_param most = { .sched_priority = 99 };

	return refused(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &most));
}
