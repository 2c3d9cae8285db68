/* Writes one file for ever.
 *
 * id: R28
 * contained: RLIMIT_FSIZE, whose signal ends it
 * expect: DISK limit=file_bytes
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	int fd = creat("large", 0600);

	need(fd >= 0, "create a file");
	for (int i = 0; i < 10000; i++)
		if (write(fd, block, sizeof block) < 0)
			return 0;
	canary();
	return 0;
}
