/* Stops every process that it can name, itself at last.
 *
 * id: T17
 * contained: its process namespace has its own processes alone
 * expect: WALL_TIME limit=wall_s
 * limits: wall=0.4s
 */
#include "attack.h"

int main(void)
{
	kill(-1, SIGSTOP);
	for (pid_t pid = 1; pid < 65536; pid++)
		if (pid != getpid())
			kill(pid, SIGSTOP);
	raise(SIGSTOP);
	canary();
	return 0;
}
