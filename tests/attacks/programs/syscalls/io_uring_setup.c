/* Sets up io_uring, whose operations no filter sees.
 *
 * id: S47
 * contained: io_uring is answered ENOSYS, as on an old kernel: runtimes that try it go on without
 * expect: OK stdout='refused: ENOSYS'
 */
#include "attack.h"

int main(void)
{
	char parameters[120] = { 0 };
	long ring = syscall(SYS_io_uring_setup, 8, parameters);
	return refused(ring);
}
