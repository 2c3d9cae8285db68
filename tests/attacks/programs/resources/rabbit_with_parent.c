/* Forks and lets the parent die, for ever, while the first process waits for the time to run out.
 *
 * id: R9
 * contained: the processor time of those that are dead counts; the group is killed as a whole
 * expect: CPU_TIME
 * or: WALL_TIME -- forks wait for one another, so that the clock may be first
 * or: PROCESSES -- those that nobody has reaped yet count
 * limits: cpu=0.3s wall=2s
 */
#include "attack.h"

int main(void)
{
	if (fork() > 0)
		for (;;)
			pause();
	for (;;)
		if (fork() > 0)
			_exit(0);
}
