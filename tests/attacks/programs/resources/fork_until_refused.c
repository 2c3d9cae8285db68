/* Forks until it is refused, and then ends with success.
 *
 * id: R3
 * contained: the control group's process limit; a refusal is counted, whatever the exit code says
 * expect: PROCESSES limit=processes
 */
#include "attack.h"

int main(void)
{
	int count = 0;
	pid_t child;

	while ((child = fork()) > 0)
		if (++count > 1000) {
			canary();
			break;
		}
	if (child == 0)
		pause();
	return 0;
}
