/* Starts a program that was never a file, from memory.
 *
 * id: S52
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=execveat
 * or: VIOLATION syscall=memfd_create -- a policy may refuse the memory file already
 */
#include "attack.h"

int main(int argc, char **argv)
{
	int fd = memfd_create("x", 0);
	int self = open("/proc/self/exe", O_RDONLY);
	char part[65536];
	ssize_t length;
	char *words[] = { "x", "again", NULL };

	if (argc > 1) {
		canary();
		return 0;
	}
	need(self >= 0, "open /proc/self/exe");
	while ((length = read(self, part, sizeof part)) > 0)
		write(fd, part, (size_t)length);
	syscall(SYS_execveat, fd, "", words, environ, 0x1000 /* AT_EMPTY_PATH */);
	(void)argv;
	canary();
	return 0;
}
