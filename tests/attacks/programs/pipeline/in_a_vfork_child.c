/* Makes the forbidden call between vfork and exec, where the parent waits in the kernel.
 *
 * id: V11
 * contained: the freezer's wait is bounded; then the box is killed
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	if (vfork() == 0) {
		mount("none", ".", "tmpfs", 0, NULL);
		canary();
		_exit(0);
	}
	canary();
	return 0;
}
