/* Reads the kernel's log as a file, in which other runs leave their traces.
 *
 * id: I13
 * contained: /dev/kmsg and /proc/kmsg are not there, or need a capability
 * expect: OK 'stdout=refused: E(PERM|NOENT|ACCES)'
 */
#include "attack.h"

int main(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		fd = open("/proc/kmsg", O_RDONLY | O_NONBLOCK);
	return refused(fd);
}
