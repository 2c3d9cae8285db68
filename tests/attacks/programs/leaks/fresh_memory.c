/* Looks for data of others in memory and in disk space that it has just been given.
 *
 * id: I8
 * contained: the kernel clears what it hands out
 * expect: OK stdout='all zero'
 */
#include "attack.h"

static int dirty(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return 1;
	return 0;
}

int main(void)
{
	size_t length = 4 << 20;
	int fd = open("space", O_CREAT | O_RDWR, 0600);

	need(fd >= 0 && (fallocate(fd, 0, 0, (off_t)length) == 0 || ftruncate(fd, (off_t)length) == 0), "make a file");
	char *file = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(file != MAP_FAILED && memory != MAP_FAILED, "mmap");
	for (size_t i = 0; i < length; i += 4096)
		memory[i + 1] = 0;
	if (dirty(file, length) || dirty(memory, length))
		canary();
	else
		say("all zero");
	return 0;
}
