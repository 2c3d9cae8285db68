/* Sets timers, alarms and a parent-death signal, and looks whether those of the run before arrive.
 *
 * id: I16
 * contained: they end with their process
 * expect: OK stdout='nothing arrives'
 * runs: 3
 */
#include "attack.h"

static void arrived(int number)
{
	(void)number;
	canary();
}

int main(void)
{
	struct itimerval later = { { 0, 30000 }, { 0, 30000 } }, found;
	sigset_t pending;

	for (int number = 1; number < 65; number++)
		if (number != SIGCHLD)
			signal(number, arrived);
	getitimer(ITIMER_REAL, &found);
	if (found.it_value.tv_sec || found.it_value.tv_usec)
		canary();
	sigpending(&pending);
	for (int number = 1; number < 65; number++)
		if (sigismember(&pending, number) == 1)
			canary();
	usleep(50000);
	setitimer(ITIMER_REAL, &later, NULL);
	say("nothing arrives");
	return 0;
}
