/* Makes the forbidden call at the end of a long chain of children.
 *
 * id: V24
 * contained: the tree in the evidence is bounded, and drawn without recursion
 * expect: VIOLATION syscall=mount
 * limits: processes=200 wall=5s cpu=4s
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	for (int depth = 0; depth < 150; depth++) {
		pid_t child = fork();

		need(child >= 0, "fork");
		if (child > 0) {
			waitpid(child, NULL, 0);
			_exit(0);
		}
	}
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
