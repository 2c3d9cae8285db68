/* Computes for ever on every processor.
 *
 * id: R45
 * contained: the time of all threads counts together
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s wall=10s
 * compile: -pthread
 */
#include "attack.h"

static void *spin(void *nothing)
{
	for (;;)
		__asm__ volatile("");
	return nothing;
}

int main(void)
{
	pthread_t thread;

	for (int i = 0; i < 8; i++)
		pthread_create(&thread, NULL, spin, NULL);
	spin(NULL);
}
