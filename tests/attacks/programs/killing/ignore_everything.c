/* Handles every signal by doing nothing, and never ends.
 *
 * id: P4
 * contained: SIGKILL can't be handled
 * expect: WALL_TIME limit=wall_s
 * limits: wall=0.4s
 */
#include "attack.h"

static void nothing(int number)
{
	(void)number;
}

int main(void)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };

	for (int number = 1; number < 65; number++)
		sigaction(number, &action, NULL);
	for (;;)
		pause();
}
