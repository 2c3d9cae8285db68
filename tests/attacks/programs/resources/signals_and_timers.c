/* Makes timers and queues signals until the kernel has no more of them for its user.
 *
 * id: R25
 * contained: RLIMIT_SIGPENDING
 * expect: OK 'stdout=refused: E(AGAIN|PERM|NOSYS)'
 * or: MEMORY -- timers are memory of the kernel
 * limits: wall=5s cpu=4s
 */
#include "attack.h"

int main(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_SIGPENDING, &limit);
	for (int i = 0; i < 1000000; i++) {
		timer_t timer;

		if (timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0)
			return refused(-1);
	}
	canary();
	return 0;
}
