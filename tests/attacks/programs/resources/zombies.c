/* Forks children that end at once, and never waits for them.
 *
 * id: R6
 * contained: a zombie counts in the process limit
 * expect: PROCESSES limit=processes
 */
#include "attack.h"

int main(void)
{
	for (int count = 0; count < 1000; count++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0)
			return 0;
	}
	canary();
	return 0;
}
