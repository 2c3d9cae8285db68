/* Opens as many files as it may in each of many processes.
 *
 * id: R24
 * contained: the limit of processes times the limit of files; the kernel's memory for them counts in the group
 * expect: PROCESSES limit=processes
 * or: MEMORY -- open files are memory of the kernel
 */
#include "attack.h"

int main(void)
{
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	for (int i = 0; i < 1000; i++) {
		pid_t child = fork();

		if (child == 0)
			pause();
		if (child < 0)
			return 0;
	}
	canary();
	return 0;
}
