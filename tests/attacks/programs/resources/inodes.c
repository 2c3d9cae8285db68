/* Makes a million empty files.
 *
 * id: R27
 * contained: the writable layer has a bounded number of inodes
 * expect: DISK limit=inodes
 */
#include "attack.h"

int main(void)
{
	char name[32];

	for (int i = 0; i < 1000000; i++) {
		snprintf(name, sizeof name, "%d", i);
		int fd = creat(name, 0600);

		if (fd < 0)
			return 0;
		close(fd);
	}
	canary();
	return 0;
}
