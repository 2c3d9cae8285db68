/* Fills a file in memory that has no name.
 *
 * id: R14
 * contained: its pages count in the control group
 * expect: MEMORY limit=memory_bytes
 * or: OK 'stdout=refused: E(FBIG|NOSPC|NOSYS)' -- the file size limit holds for it too
 * or: DISK -- the file size limit holds for it too
 * or: VIOLATION syscall=memfd_create -- a policy may refuse it at once
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	int fd = memfd_create("hoard", 0);
	long done = fd;

	signal(SIGXFSZ, SIG_IGN);
	memset(block, 1, sizeof block);
	for (int i = 0; i < 1024 && done >= 0; i++)
		done = write(fd, block, sizeof block);
	return refused(done);
}
