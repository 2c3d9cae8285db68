/* Changes on which processors process 1 and all others may run.
 *
 * id: P22
 * contained: others belong to another user, or to itself alone
 * expect: OK 'stdout=refused: E(PERM|SRCH|INVAL)'
 * or: VIOLATION syscall=sched_setaffinity -- a policy may refuse it for others
 * or: OK 'stdout=my own' -- without an init it is process 1 itself
 */
#include "attack.h"

int main(void)
{
	unsigned long first = 1;

	if (getpid() == 1) {
		say("my own");
		return 0;
	}
	return refused(syscall(SYS_sched_setaffinity, 1, sizeof first, &first));
}
