/* Has a daemon make the forbidden call that nobody waits for.
 *
 * id: V10
 * contained: whoever of the box makes it, it is the run's violation
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			for (int fd = 0; fd < 3; fd++)
				close(fd);
			mount("none", ".", "tmpfs", 0, NULL);
		}
		_exit(0);
	}
	for (;;)
		pause();
}
