/* Makes a forbidden call in a hundred threads at the same time.
 *
 * id: V2
 * contained: all are refused; one is evidence, the others are counted
 * expect: VIOLATION syscall=mount
 * limits: processes=128 wall=5s cpu=4s
 * compile: -pthread
 * evidence: yes
 */
#include "attack.h"

static pthread_barrier_t all;

static void *attack(void *nothing)
{
	pthread_barrier_wait(&all);
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return nothing;
}

int main(void)
{
	pthread_t threads[100];
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	pthread_barrier_init(&all, NULL, 100);
	for (int i = 0; i < 99; i++)
		need(pthread_create(&threads[i], &small, attack, NULL) == 0, "pthread_create");
	attack(NULL);
	return 0;
}
