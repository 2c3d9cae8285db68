/* Writes through /proc/self/mem to a page of the C library that it may not write to: the file itself must not change.
 *
 * id: F21
 * contained: the kernel copies the page; the file stays as it is (Dirty COW's way, closed in 2016)
 * expect: OK 'stdout=the file is as it was'
 */
#include "attack.h"

int main(void)
{
	int file = open("/etc/passwd", O_RDONLY), memory = open("/proc/self/mem", O_RDWR);
	char before[16] = { 0 }, after[16] = { 0 };

	need(file >= 0 && pread(file, before, 15, 0) > 0, "read /etc/passwd");
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	need(page != MAP_FAILED, "mmap");
	for (int i = 0; memory >= 0 && i < 1000; i++) {
		pwrite(memory, "owned", 5, (off_t)(uintptr_t)page);
		madvise(page, 4096, MADV_DONTNEED);
	}
	pread(file, after, 15, 0);
	if (memcmp(before, after, 15))
		canary();
	else
		say("the file is as it was");
	return 0;
}
