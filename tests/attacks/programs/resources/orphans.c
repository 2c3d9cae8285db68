/* Leaves thousands of orphans behind, for whoever has to reap them.
 *
 * id: R7
 * contained: the first process of the box reaps them; where it is not fast enough the limit holds
 * expect: OK stdout=done
 * or: PROCESSES -- those that nobody has reaped yet count
 * limits: wall=5s cpu=5s processes=64
 */
#include "attack.h"

int main(void)
{
	for (int count = 0; count < 2000; count++) {
		pid_t child = fork();

		if (child == 0) {
			fork();
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	say("done");
	return 0;
}
