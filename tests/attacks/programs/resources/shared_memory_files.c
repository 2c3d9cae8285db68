/* Fills /dev/shm.
 *
 * id: R32
 * contained: a tmpfs of bounded size whose pages count in the control group, or none at all
 * expect: OK 'stdout=refused: E(NOSPC|NOENT|ACCES|ROFS|FBIG)'
 * or: MEMORY -- its pages count
 * or: DISK -- it is a part of the writable layer
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	char name[64];

	for (int i = 0; i < 1024; i++) {
		snprintf(name, sizeof name, "/dev/shm/%d", i);
		int fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			return refused(-1);
		errno = ENOSPC;
		if (write(fd, block, sizeof block) < (ssize_t)sizeof block)
			return refused(-1);
		close(fd);
	}
	canary();
	return 0;
}
