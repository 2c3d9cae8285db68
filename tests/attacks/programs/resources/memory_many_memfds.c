/* Fills many files in memory, each below the limit for one file.
 *
 * id: R15
 * contained: their pages count in the control group
 * expect: MEMORY limit=memory_bytes
 * or: OK 'stdout=refused: E(NOSPC|NOSYS|MFILE)' -- a policy may refuse it at once
 * or: VIOLATION syscall=memfd_create -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	static char block[4 << 20];
	long done = 0;

	memset(block, 1, sizeof block);
	for (int i = 0; i < 100 && done >= 0; i++) {
		done = memfd_create("hoard", 0);
		if (done >= 0)
			done = write((int)done, block, sizeof block);
	}
	return refused(done);
}
