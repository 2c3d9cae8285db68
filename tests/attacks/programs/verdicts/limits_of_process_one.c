/* Lowers the limits of process 1 of the box, so that it can't do its work.
 *
 * id: T19
 * contained: process 1 is another user's, or takes nothing from inside
 * expect: OK 'stdout=refused: E(PERM|SRCH)'
 * or: VIOLATION syscall=prlimit64 -- a policy may refuse the limits of others
 * or: OK 'stdout=my own' -- without an init it is process 1 itself
 */
#include "attack.h"

int main(void)
{
	struct rlimit none = { 0, 0 };

	if (getpid() == 1) {
		say("my own");
		return 0;
	}
	return refused(prlimit(1, RLIMIT_NOFILE, &none, NULL));
}
