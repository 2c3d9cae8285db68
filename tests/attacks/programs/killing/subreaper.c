/* Makes itself the one to whom orphans go, and ends last.
 *
 * id: P19
 * contained: the end of the run kills everything in its namespace and group
 * expect: OK stdout=gone
 * or: VIOLATION syscall=prctl -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	if (fork() == 0) {
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		for (int i = 0; i < 4; i++)
			if (fork() == 0)
				for (;;)
					pause();
		for (;;)
			wait(NULL);
	}
	say("gone");
	return 0;
}
