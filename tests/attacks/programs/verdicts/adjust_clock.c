/* Slows the machine's clock down.
 *
 * id: T22
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=adjtimex
 * or: VIOLATION syscall=clock_adjtime -- the C library chooses
 */
#include "attack.h"

#include <sys/timex.h>

int main(void)
{
	struct timex slow = { .modes = ADJ_TICK, .tick = 9000 };

	syscall(SYS_adjtimex, &slow);
	canary();
	return 0;
}
