/* Fills the disk by files that it has unlinked: no listing shows them.
 *
 * id: R30
 * contained: the writable layer has a bounded size, names or not
 * expect: DISK
 * or: OK 'stdout=refused: E(NOSPC|FBIG|MFILE)' -- they are gone when the program ends, and nobody can count them
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];

	for (int i = 0; i < 10000; i++) {
		int fd = open("hidden", O_CREAT | O_RDWR | O_EXCL, 0600);

		if (fd < 0)
			return refused(-1);
		unlink("hidden");
		errno = ENOSPC; /* a short write is one too */
		if (write(fd, block, sizeof block) < (ssize_t)sizeof block)
			return refused(-1);
	}
	canary();
	return 0;
}
