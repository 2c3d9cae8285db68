/* Forks in every process as fast as it can while one of them makes the forbidden call.
 *
 * id: V28
 * contained: children are born frozen; the kill catches them all
 * expect: VIOLATION syscall=mount
 * or: MEMORY -- what dead processes leave is freed late, and counts until then
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0)
			for (;;) {
				pid_t child = fork();

				if (child == 0)
					_exit(0);
				waitpid(child, NULL, 0);
			}
	usleep(10000);
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
