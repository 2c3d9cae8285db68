/* Looks which signals, masks and settings were left to it by whoever started it.
 *
 * id: I17
 * contained: defaults: nothing ignored, nothing blocked, no timers
 * expect: OK stdout='all defaults'
 */
#include "attack.h"

int main(void)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < 65; number++) {
		struct sigaction action;

		if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			say("signal %d is not at its default", number);
		if (sigismember(&blocked, number) == 1)
			say("signal %d is blocked", number);
	}
	say("all defaults");
	return 0;
}
