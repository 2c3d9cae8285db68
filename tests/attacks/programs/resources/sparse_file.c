/* Makes a file of 8 exbibytes that has no blocks.
 *
 * id: R34
 * contained: RLIMIT_FSIZE
 * expect: OK stdout='refused: EFBIG'
 * or: DISK -- the limit of one file has a signal, and is a limit of the disk
 * outputs: large
 * output: large missing
 */
#include "attack.h"

int main(void)
{
	signal(SIGXFSZ, SIG_IGN);
	int fd = open("elsewhere", O_CREAT | O_WRONLY, 0600);
	need(fd >= 0, "create a file");
	return refused(ftruncate(fd, INT64_MAX));
}
