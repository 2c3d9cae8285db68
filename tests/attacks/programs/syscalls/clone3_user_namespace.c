/* Makes a user namespace by clone3, whose flags lie in memory where no filter can look.
 *
 * id: S18
 * contained: clone3 is answered ENOSYS, as on an old kernel: libcs go back to clone
 * expect: OK stdout='refused: ENOSYS'
 */
#include "attack.h"

int main(void)
{
	struct clone_args arguments = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long child = syscall(SYS_clone3, &arguments, sizeof arguments);
	if (child == 0) {
		canary();
		_exit(0);
	}
	return refused(child);
}
