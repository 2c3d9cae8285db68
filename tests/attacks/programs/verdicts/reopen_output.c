/* Opens its standard output once more, for reading, to take back or read what was written.
 *
 * id: T12
 * contained: a pipe can be reopened by its owner alone, and has this program's output alone in it
 * expect: OK 'stdout=refused: E(ACCES|PERM|NOENT|NXIO)'
 * or: OK stdout=nothing -- it may read back what it wrote itself
 */
#include "attack.h"

int main(void)
{
	char data[4096];
	int fd = open("/proc/self/fd/1", O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return refused(-1);
	ssize_t length = read(fd, data, sizeof data);
	if (length > 0)
		canary();
	else
		say("nothing");
	return 0;
}
