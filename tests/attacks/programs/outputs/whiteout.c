/* Makes a whiteout, the device 0:0, by renaming: no mknod is needed for that since Linux 5.8. It stands where its output is
 * looked for.
 *
 * id: C20
 * contained: what comes out is a regular file, or nothing
 * expect: OK
 * outputs: out.txt other.txt
 * output: out.txt refused
 * output: other.txt x
 */
#include "attack.h"

int main(void)
{
	int fd = open("out.txt", O_WRONLY | O_CREAT, 0644);

	need(write(fd, "x", 1) == 1, "write");
	if (syscall(SYS_renameat2, AT_FDCWD, "out.txt", AT_FDCWD, "other.txt", RENAME_WHITEOUT) < 0)
		rename("out.txt", "other.txt");
	return 0;
}
