/* Handles SIGSYS, by which some filters tell of a refused call, and goes on.
 *
 * id: V17
 * contained: no signal is sent; the call is held until the box is killed
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

static void go_on(int number)
{
	(void)number;
	canary();
}

int main(void)
{
	signal(SIGSYS, go_on);
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
