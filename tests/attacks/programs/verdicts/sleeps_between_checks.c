/* Computes and sleeps by turns of a millisecond, in time with whoever samples the clock, so that no sample sees it run.
 *
 * id: T34
 * contained: processor time is counted by the scheduler, not sampled
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.2s wall=8s
 */
#include "attack.h"

int main(void)
{
	struct timespec nap = {0, 300000};

	for (;;) {
		double until = now() + 0.0007;

		while (now() < until)
			continue;
		nanosleep(&nap, NULL);
	}
}
