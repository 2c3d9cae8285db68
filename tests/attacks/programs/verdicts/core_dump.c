/* Dies with a core, which a pattern of the host may write to the host's disk.
 *
 * id: T27
 * contained: RLIMIT_CORE is 0
 * expect: SIGNAL signal=SIGABRT
 * outputs: core
 * output: core missing
 */
#include "attack.h"

int main(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &limit);
	fill(8 << 20);
	abort();
}
