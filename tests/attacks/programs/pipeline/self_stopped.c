/* Has the other half of itself stopped when it makes the forbidden call, so that freezing waits for it.
 *
 * id: V27
 * contained: stopped processes count as frozen, or the wait is bounded
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 4; i++) {
		pid_t child = fork();

		if (child == 0)
			for (;;)
				raise(SIGSTOP);
		waitpid(child, NULL, WUNTRACED);
	}
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
