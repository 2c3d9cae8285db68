/* Opens files until it is refused.
 *
 * id: R23
 * contained: RLIMIT_NOFILE, which it can't raise
 * expect: OK stdout='refused: EMFILE'
 */
#include "attack.h"

int main(void)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < 100000; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			return refused(-1);
	canary();
	return 0;
}
