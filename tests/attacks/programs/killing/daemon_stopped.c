/* Leaves children that are stopped, which some ways of killing pass by.
 *
 * id: P2
 * contained: SIGKILL ends stopped processes too
 * expect: OK stdout=gone
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			setsid();
			for (;;)
				raise(SIGSTOP);
		}
	say("gone");
	return 0;
}
