/* Appends to its output, also through a mapping, while it is collected.
 *
 * id: C13
 * contained: everything is dead before anything is collected; the size has a limit
 * expect: OK
 * or: DISK -- it may be full by then
 * outputs: out.txt
 * output: out.txt any
 */
#include "attack.h"

int main(void)
{
	int fd = open("out.txt", O_CREAT | O_RDWR | O_APPEND, 0600);
	char block[4096];

	memset(block, 'x', sizeof block);
	need(fd >= 0 && write(fd, block, sizeof block) > 0, "create a file");
	char *page = mmap(NULL, sizeof block, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fork() == 0)
		for (unsigned i = 0;; i++) {
			page[i % sizeof block] = (char)i;
			if (i % 4096 == 0)
				write(fd, block, 1);
		}
	usleep(20000);
	return 0;
}
