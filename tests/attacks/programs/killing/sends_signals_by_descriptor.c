/* Has the kernel send signals for it: by the owner of a pipe, of a timer, of the death of a parent, and by a descriptor of
 * process 1 that it got from its own list of processes.
 *
 * id: P24
 * contained: process 1 of a namespace takes no signal from inside that it does not want, by whatever way it comes
 * expect: OK stdout=''
 * or: SIGNAL -- process 1 hands on to the program what it is sent
 */
#include "attack.h"

int main(void)
{
	int pair[2], one = (int)syscall(SYS_pidfd_open, 1, 0);
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGKILL};
	timer_t timer;

	pipe(pair);
	fcntl(pair[0], F_SETOWN, 1);
	fcntl(pair[0], F_SETSIG, SIGKILL);
	fcntl(pair[0], F_SETFL, O_ASYNC);
	write(pair[1], "x", 1);
	event._sigev_un._tid = 1;
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0)
		canary();
	for (int number = 1; one >= 0 && number < 65; number++)
		syscall(SYS_pidfd_send_signal, one, number, NULL, 0);
	siginfo_t forged = {.si_signo = SIGCHLD, .si_code = -1, .si_pid = getpid(), .si_status = 0};
	for (int i = 0; i < 100; i++)
		syscall(SYS_rt_sigqueueinfo, 1, SIGCHLD, &forged);
	usleep(50000);
	return 0;
}
