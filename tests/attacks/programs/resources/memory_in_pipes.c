/* Keeps data in the buffers of pipes, where no process owns it.
 *
 * id: R16
 * contained: the limit of open files, and of what an ordinary user may keep in pipes; the pages count in the group
 * expect: OK 'stdout=refused: E(MFILE|AGAIN|PERM)'
 * or: MEMORY -- where pipes may be larger their pages count
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	int ends[2];
	long done = 0;

	for (int i = 0; i < 100000; i++) {
		done = pipe2(ends, O_NONBLOCK);
		if (done < 0)
			break;
		fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
		while (write(ends[1], block, sizeof block) > 0)
			;
	}
	return refused(done);
}
