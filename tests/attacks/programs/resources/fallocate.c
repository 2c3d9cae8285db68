/* Takes the disk without writing a byte, by fallocate.
 *
 * id: R33
 * contained: the writable layer has a bounded size; RLIMIT_FSIZE holds for fallocate too
 * expect: OK 'stdout=refused: E(NOSPC|FBIG|OPNOTSUPP)'
 * or: DISK -- what could be had is full
 * or: SIGNAL signal=SIGXFSZ -- the limit of one file has a signal
 */
#include "attack.h"

int main(void)
{
	int fd = creat("large", 0600);

	need(fd >= 0, "create a file");
	return refused(fallocate(fd, 0, 0, 1L << 40));
}
