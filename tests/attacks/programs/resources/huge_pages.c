/* Takes the machine's huge pages, which few have.
 *
 * id: R22
 * contained: there are none, or they count
 * expect: OK 'stdout=refused: E(NOMEM|PERM|INVAL)'
 * or: MEMORY -- they count
 * or: SIGNAL signal=SIGBUS -- the group may have none of those that the machine has
 */
#include "attack.h"

int main(void)
{
	char *block = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (block == MAP_FAILED)
		return refused(-1);
	memset(block, 1, 1 << 30);
	canary();
	return 0;
}
