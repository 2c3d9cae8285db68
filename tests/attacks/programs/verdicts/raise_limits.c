/* Raises each of its limits beyond what it was given.
 *
 * id: T18
 * contained: hard limits need a capability
 * expect: OK stdout='16 refused'
 * or: VIOLATION syscall=prlimit64 -- a policy may refuse new limits
 */
#include "attack.h"

int main(void)
{
	int count = 0;

	for (int kind = 0; kind < RLIM_NLIMITS; kind++) {
		struct rlimit limit;

		getrlimit(kind, &limit);
		if (limit.rlim_max == RLIM_INFINITY) {
			count++;
			continue;
		}
		limit.rlim_max++;
		if (setrlimit(kind, &limit) < 0)
			count++;
		else
			canary();
	}
	say("%d refused", count);
	return 0;
}
