/* Makes a hard link to a file of the root, to write to it there.
 *
 * id: F15
 * contained: the work directory is another mount, and the root's files are not its own
 * expect: OK 'stdout=refused: E(XDEV|PERM|ACCES|ROFS)'
 */
#include "attack.h"

int main(void)
{
	long done = linkat(AT_FDCWD, "/etc/passwd", AT_FDCWD, "mine", AT_SYMLINK_FOLLOW);
	int number = errno;

	if (done < 0)
		done = link("/usr/bin/env", "mine");
	errno = done < 0 ? number : errno;
	return refused(done);
}
