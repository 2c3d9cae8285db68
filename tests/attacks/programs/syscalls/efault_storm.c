/* Gives bad pointers, huge vectors and wrapped lengths to the calls that everybody may make.
 *
 * id: S78
 * contained: the kernel checks what it is given; the run goes on
 * expect: OK 'stdout=\d+ calls were refused'
 */
#include "attack.h"

int main(void)
{
	struct iovec vector[2] = { { (void *)1, SIZE_MAX }, { (void *)-4096L, SIZE_MAX / 2 } };
	int fd = open("/dev/zero", O_RDWR), refusals = 0;

	need(fd >= 0, "open /dev/zero");
	for (int i = 0; i < 1000; i++) {
		refusals += read(fd, (void *)(uintptr_t)(i + 1), SIZE_MAX) < 0;
		refusals += readv(fd, vector, 2) < 0;
		refusals += writev(fd, vector, 1 << 20) < 0;
		refusals += fstat(fd, (void *)-1L) < 0;
		refusals += pread(fd, NULL, 1UL << 62, -1) < 0;
		refusals += munmap((void *)1, SIZE_MAX) < 0;
		refusals += lseek(fd, INT64_MIN, 77) < 0;
	}
	say("%d calls were refused", refusals);
	return 0;
}
