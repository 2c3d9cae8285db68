/* Many processes that fork as fast as they can when the run ends: the kill must catch those that are being born.
 *
 * id: P20
 * contained: one write kills the group, forks included; where it can't be done so the group is frozen first
 * expect: OK stdout=gone
 * or: PROCESSES -- the limit may be reached before the end
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			for (;;) {
				pid_t child = fork();

				if (child == 0)
					_exit(0);
				waitpid(child, NULL, 0);
			}
	usleep(50000);
	say("gone");
	return 0;
}
