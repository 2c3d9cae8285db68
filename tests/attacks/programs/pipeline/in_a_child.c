/* Has a child make the forbidden call, and would end with success a moment later.
 *
 * id: V9
 * contained: whoever of the box makes it, it is the run's violation
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	int ends[2];
	char byte;

	need(pipe(ends) == 0, "pipe");
	if (fork() == 0) {
		write(ends[1], "", 1);
		mount("none", ".", "tmpfs", 0, NULL);
		canary();
		_exit(0);
	}
	read(ends[0], &byte, 1);
	usleep(100000);
	return 0;
}
