/* Fills the disk by files of a mebibyte.
 *
 * id: R29
 * contained: the writable layer has a bounded size
 * expect: DISK limit=disk_bytes
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	char name[32];

	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "%d", i);
		int fd = creat(name, 0600);
		if (fd < 0 || write(fd, block, sizeof block) < (ssize_t)sizeof block)
			return 0;
		close(fd);
	}
	canary();
	return 0;
}
