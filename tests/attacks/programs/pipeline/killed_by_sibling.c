/* Has a sibling kill the process that makes the forbidden call, again and again, so that no record of it is left.
 *
 * id: V14
 * contained: of many attempts one is received; none of them is carried out
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=interrupted -- nothing can be read of a caller that is dead
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 300; i++) {
		pid_t child = fork();

		if (child == 0) {
			mount("none", ".", "tmpfs", 0, NULL);
			canary();
			_exit(0);
		}
		for (volatile int wait = 0; wait < i * 20000; wait++)
			;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	canary();
	return 0;
}
