/* Stops its parent, who may be the one that watches the clock.
 *
 * id: T16
 * contained: the parent is the box's first process, which takes no signal from inside; the clock is outside
 * expect: WALL_TIME limit=wall_s
 * or: OK 'stdout=refused: E(SRCH|PERM)' -- there may be nobody to stop
 * limits: wall=0.4s
 */
#include "attack.h"

int main(void)
{
	if (getppid() == 0) {
		errno = ESRCH;
		return refused(-1);
	}
	if (kill(getppid(), SIGSTOP) < 0)
		return refused(-1);
	for (;;)
		pause();
}
