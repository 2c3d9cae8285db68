/* Becomes a daemon by the book: forks twice, leaves the session, closes everything, and would write later.
 *
 * id: P1
 * contained: the end of the run kills everything in its namespace and group
 * expect: OK stdout=gone
 */
#include "attack.h"

int main(void)
{
	pid_t child = fork();

	if (child == 0) {
		setsid();
		signal(SIGHUP, SIG_IGN);
		if (fork() > 0)
			_exit(0);
		chdir("/");
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		for (;;)
			pause();
	}
	waitpid(child, NULL, 0);
	say("gone");
	return 0;
}
