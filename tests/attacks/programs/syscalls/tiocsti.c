/* Types a command into the terminal of whoever started it.
 *
 * id: S68
 * contained: standard streams are pipes, never a terminal
 * expect: OK 'stdout=refused: E(NOTTY|PERM|INVAL|ACCES)'
 * or: VIOLATION syscall=ioctl -- the filter may know the request
 */
#include "attack.h"

int main(void)
{
	char word[] = "\nreboot\n";
	long done = -1;

	for (int fd = 0; fd < 3; fd++)
		for (char *one = word; *one; one++)
			if (ioctl(fd, TIOCSTI, one) == 0)
				done = 0;
	return refused(done);
}
