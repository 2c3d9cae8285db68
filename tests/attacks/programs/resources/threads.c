/* Starts threads until it is refused: each is a process for the kernel.
 *
 * id: R4
 * contained: the control group's process limit counts threads
 * expect: PROCESSES limit=processes
 * compile: -pthread
 */
#include "attack.h"

static void *wait_for_ever(void *nothing)
{
	pause();
	return nothing;
}

int main(void)
{
	pthread_attr_t small;
	pthread_t thread;
	int count = 0;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	while (pthread_create(&thread, &small, wait_for_ever, NULL) == 0)
		if (++count > 1000) {
			canary();
			break;
		}
	return 0;
}
