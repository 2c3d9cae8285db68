/* Sets the machine's clock back, to have more time.
 *
 * id: T20
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=clock_settime
 */
#include "attack.h"

int main(void)
{
	struct timespec long_ago = { 1, 0 };

	clock_settime(CLOCK_REALTIME, &long_ago);
	canary();
	return 0;
}
