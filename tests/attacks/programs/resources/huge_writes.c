/* Writes one line of a quarter gigabyte without an end, by vectors and by pages of a file (sendfile, splice, copy).
 *
 * id: R67
 * contained: the reader keeps a fixed number of bytes, and ends the run at the limit
 * expect: OUTPUT limit=output_bytes
 */
#include "attack.h"

#include <sys/sendfile.h>

int main(void)
{
	static char text[65536];
	struct iovec parts[1024];
	int zero = open("/dev/zero", O_RDONLY), file = open("x", O_RDWR | O_CREAT, 0600);

	memset(text, 'A', sizeof text);
	ftruncate(file, 8 << 20);
	for (int i = 0; i < 1024; i++)
		parts[i] = (struct iovec){text, sizeof text};
	for (;;) {
		off_t from = 0;

		writev(1, parts, 1024);
		sendfile(1, file, &from, 8 << 20);
		splice(zero, NULL, 1, NULL, 1 << 20, 0);
	}
}
