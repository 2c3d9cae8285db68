/* Sets its output non-blocking, asynchronous, and to packets, and its pipe to the smallest size: the pipe is shared with
 * whoever reads it.
 *
 * id: T36
 * contained: what it sets is of its own end; the reader never blocks on the pipe alone
 * expect: OK stdout=(a{100}){30}
 */
#include "attack.h"

int main(void)
{
	char text[100];

	memset(text, 'a', sizeof text);
	fcntl(1, F_SETOWN, getppid());
	fcntl(1, F_SETSIG, SIGKILL);
	fcntl(1, F_SETFL, O_NONBLOCK | O_DIRECT | O_ASYNC);
	fcntl(1, F_SETPIPE_SZ, 4096);
	for (int i = 0; i < 30; i++)
		while (write(1, text, sizeof text) < 0)
			usleep(1000);
	return 0;
}
