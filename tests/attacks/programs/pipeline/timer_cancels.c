/* Has a timer interrupt the forbidden call every few microseconds: without care the notification is withdrawn, and the
 * program goes on with EINTR.
 *
 * id: V3
 * contained: WAIT_KILLABLE_RECV: once received, the call waits for its answer, whatever arrives
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
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
