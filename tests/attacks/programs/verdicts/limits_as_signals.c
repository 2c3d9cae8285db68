/* Gives itself limits of processor time, and of files and pipes, so low that the kernel's signals end it: they look like
 * those of the run's limits.
 *
 * id: T33
 * contained: a limit's verdict needs the limit's counter; what it took from itself is its own business
 * expect: SIGNAL signal=SIGXCPU
 */
#include "attack.h"

int main(void)
{
	struct rlimit none = {0, 1};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	setrlimit(RLIMIT_CPU, &none);
	for (volatile long i = 0;; i++)
		if (i % 100000 == 0)
			raise(SIGXCPU);
}
