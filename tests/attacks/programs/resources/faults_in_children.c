/* Dies of a fault in thousands of children, under names that a log may take for its own lines.
 *
 * id: R64
 * contained: no core; the kernel bounds how many lines it writes of that; processes and processor time
 * expect: OK stdout=''
 * or: CPU_TIME -- forks use processor time too
 * or: PROCESSES -- those that are dying count
 */
#include "attack.h"

int main(void)
{
	prctl(PR_SET_NAME, "\nkernel: \033[2J");
	for (int i = 0; i < 1500; i++) {
		pid_t child = fork();

		if (child == 0)
			*(volatile int *)(intptr_t)(i % 3 ? 8 : -8) = 1;
		waitpid(child, NULL, 0);
	}
	return 0;
}
