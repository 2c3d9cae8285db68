/* Dies with a core, which a pattern of the host may write to the host's disk.
 *
 * id: T27
 * contained: RLIMIT_CORE is 1, for which no pattern of the host is followed, and stays so
 * expect: SIGNAL signal=SIGABRT
 * outputs: core
 * output: core missing
 */
#include "attack.h"

int main(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = 0;
	prlimit(getpid(), RLIMIT_CORE, &limit, NULL);
	prlimit(0, RLIMIT_CORE, &limit, NULL);
	syscall(SYS_setrlimit, RLIMIT_CORE, &limit);
	getrlimit(RLIMIT_CORE, &limit);
	if (limit.rlim_cur != 1 || limit.rlim_max != 1)
		canary();
	fill(8 << 20);
	abort();
}
