/* Has a signal's handler do something while the forbidden call waits.
 *
 * id: V4
 * contained: no handler runs in a thread that waits; the others are frozen
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

static int armed;

static void go_on(int number)
{
	(void)number;
	if (armed > 1)
		canary();
}

int main(void)
{
	struct sigaction action = { .sa_handler = go_on, .sa_flags = SA_RESTART | SA_NODEFER };
	struct itimerval once = { { 0, 0 }, { 0, 20000 } };

	sigaction(SIGALRM, &action, NULL);
	armed = 1;
	setitimer(ITIMER_REAL, &once, NULL);
	armed = 2;
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
