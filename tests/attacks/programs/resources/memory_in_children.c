/* Spreads its memory over many children, each of them well below the limit.
 *
 * id: R12
 * contained: the limit is of the group, not of a process
 * expect: MEMORY limit=memory_bytes
 */
#include "attack.h"

int main(void)
{
	for (int child = 0; child < 20; child++)
		if (fork() == 0) {
			fill(16 << 20);
			pause();
		}
	while (wait(NULL) > 0)
		;
	canary();
	return 0;
}
