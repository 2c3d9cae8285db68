/* Locks all its memory, so that the machine can't swap it out.
 *
 * id: R21
 * contained: RLIMIT_MEMLOCK, and the group's memory limit
 * expect: OK 'stdout=refused: E(PERM|NOMEM|AGAIN)'
 * or: MEMORY -- where it may lock its pages still count
 * or: VIOLATION syscall=mlockall -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	long done = mlockall(MCL_CURRENT | MCL_FUTURE);

	if (done == 0) {
		void *block = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		done = block == MAP_FAILED ? -1 : 0;
	}
	return refused(done);
}
