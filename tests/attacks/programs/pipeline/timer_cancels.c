/* Has a timer interrupt the forbidden call every few microseconds: the notification is withdrawn before it is received,
 * the program goes on with EINTR, and ends at once, so that nobody hears of it.
 *
 * id: V3
 * contained: WAIT_KILLABLE_RECV: once received, the call waits for its answer; and init's last word tells of all others
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=interrupted -- it may be called off before it is read
 */
#include "attack.h"

static void nothing(int number)
{
	(void)number;
}

int main(void)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval often = { { 0, 50 }, { 0, 50 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	if (mount("none", ".", "tmpfs", 0, NULL) == 0)
		canary();
	return 0;
}
