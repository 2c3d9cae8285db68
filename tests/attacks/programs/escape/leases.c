/* Takes leases on files of the root, so that whoever wants to write to them, or replace them, waits.
 *
 * id: F29
 * contained: the policy has no F_SETLEASE
 * expect: OK 'stdout=refused: EINVAL'
 */
#include "attack.h"

int main(void)
{
	long result = -1;

	for (int kind = F_RDLCK; kind <= F_WRLCK; kind++) {
		int fd = open("/etc/passwd", O_RDONLY);

		if ((result = fcntl(fd, F_SETLEASE, kind)) == 0)
			break;
	}
	return refused(result);
}
