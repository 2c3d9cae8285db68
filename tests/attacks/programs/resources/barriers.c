/* Interrupts every processor of the machine as often as it can: memory barriers on all of them, locks across two lines of
 * the cache, and wake-ups of threads on each.
 *
 * id: R65
 * contained: processor time
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s
 * machine: x86_64
 */
#include "attack.h"

#include <linux/membarrier.h>

int main(void)
{
	static char memory[256];
	int *split = (int *)((((uintptr_t)memory + 127) & ~63UL) - 2);

	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	for (unsigned i = 0;; i++) {
		cpu_set_t one;

		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
		__asm__ volatile("lock incl %0" : "+m"(*split));
		CPU_ZERO(&one);
		CPU_SET(i % 2, &one);
		sched_setaffinity(0, sizeof one, &one);
	}
}
