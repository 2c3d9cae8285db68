/* Ends its first thread and computes on in another: its process looks like a zombie from outside.
 *
 * id: P6
 * contained: the group's processor time
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

	pthread_create(&thread, NULL, spin, NULL);
	syscall(SYS_exit, 0);
}
