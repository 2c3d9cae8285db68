/* Reserves terabytes of addresses without touching them: no reason for a verdict.
 *
 * id: R20
 * contained: addresses are not memory; nothing is charged
 * expect: OK 'stdout=reserved [1-9]\d* TiB'
 */
#include "attack.h"

int main(void)
{
	int count = 0;

	while (count < 100 && mmap(NULL, 1UL << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED)
		count++;
	say("reserved %d TiB", count);
	return 0;
}
