/* Makes a child that is its sibling (CLONE_PARENT), so a child of process 1, which ends with success as if it were the
 * program; the program itself fails.
 *
 * id: T31
 * contained: process 1 waits for the program by its number; whoever else ends is only reaped
 * expect: NONZERO_EXIT code=3
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 8; i++) {
		long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

		if (child == 0)
			_exit(0);
	}
	usleep(100000);
	_exit(3);
}
