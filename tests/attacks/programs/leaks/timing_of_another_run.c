/* Measures how long a file of the root takes to open, to see whether another run has it in the cache.
 *
 * id: I19
 * contained: not: the processor, its caches and the page cache are shared. The program may measure; it learns no data
 * expect: OK 'stdout=\d+ measured'
 */
#include "attack.h"

int main(void)
{
	int measured = 0;

	for (int i = 0; i < 1000; i++) {
		double start = now();
		int fd = open("/usr/bin/env", O_RDONLY);

		measured += now() >= start;
		close(fd);
	}
	say("%d measured", measured);
	return 0;
}
