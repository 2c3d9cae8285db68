/* Hands work to an io_uring that somebody may have left open.
 *
 * id: S48
 * contained: io_uring is answered ENOSYS, as on an old kernel: runtimes that try it go on without
 * expect: OK stdout='refused: ENOSYS'
 * or: VIOLATION syscall=io_uring_enter -- who got no ring has no reason to enter one
 */
#include "attack.h"

int main(void)
{
	long done = -1;

	errno = EBADF;
	for (int fd = 0; fd < 64 && done < 0; fd++)
		done = syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0);
	return refused(done);
}
