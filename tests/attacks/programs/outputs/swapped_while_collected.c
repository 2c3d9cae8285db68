/* Swaps its output with a link to a file of the host, as fast as it can, while it is collected.
 *
 * id: C12
 * contained: everything is dead before anything is collected, and no link is followed
 * expect: OK
 * argv: {program} {secret}
 * outputs: out.txt
 * output: out.txt any
 */
#include "attack.h"

int main(int argc, char **argv)
{
	(void)argc;
	need(symlink(argv[1], "link") == 0, "symlink");
	int fd = creat("out.txt", 0600);
	need(fd >= 0 && write(fd, "mine", 4) == 4, "create a file");
	if (fork() == 0)
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, "out.txt", AT_FDCWD, "link", 2 /* RENAME_EXCHANGE */);
	usleep(20000);
	return 0;
}
