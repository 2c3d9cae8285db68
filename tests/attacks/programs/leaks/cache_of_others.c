/* Drops files of the root from the page cache, so that others wait for the disk and it can tell what they read.
 *
 * id: I25
 * contained: the advice is not taken, nor that to look for equal pages
 * expect: OK 'stdout=still there'
 */
#include "attack.h"

int main(void)
{
	int fd = open("/usr/bin/env", O_RDONLY);
	char byte;
	struct rusage before, after;

	if (pread(fd, &byte, 1, 0) != 1 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		say("no advice");
	getrusage(RUSAGE_SELF, &before);
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)page[0];
	getrusage(RUSAGE_SELF, &after);
	if (after.ru_majflt != before.ru_majflt)
		canary();
	if (madvise(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 65536, MADV_MERGEABLE) == 0)
		canary();
	say("still there");
	return 0;
}
