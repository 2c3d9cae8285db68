/* Watches how its process numbers grow: on a shared machine that counts the processes of others.
 *
 * id: I18
 * contained: a process namespace has numbers of its own
 * expect: OK stdout='numbers of my own'
 */
#include "attack.h"

int main(void)
{
	pid_t before = getpid();

	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
		if (child != before + 1 || child > 100)
			canary();
		before = child;
	}
	say("numbers of my own");
	return 0;
}
