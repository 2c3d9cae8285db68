/* Locks a file byte by byte: each lock is memory of the kernel.
 *
 * id: R60
 * contained: locks count as the kernel's memory of the group
 * expect: MEMORY limit=memory_bytes
 * or: OK 'stdout=refused: E(NOLCK|NOMEM)' -- the kernel may refuse first
 * or: CPU_TIME -- each lock makes the next one slower
 * or: WALL_TIME -- each lock makes the next one slower
 * limits: memory=16m cpu=2s wall=4s
 */
#include "attack.h"

int main(void)
{
	int fd = open("file", O_CREAT | O_RDWR, 0600);

	need(fd >= 0, "create a file");
	for (off_t i = 0; i < 10000000; i += 2) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20000000 - i, .l_len = 1 };

		if (fcntl(fd, F_SETLK, &lock) < 0)
			return refused(-1);
	}
	canary();
	return 0;
}
