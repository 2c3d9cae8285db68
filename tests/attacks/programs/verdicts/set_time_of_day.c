/* Sets the machine's clock by the older call.
 *
 * id: T21
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=settimeofday
 */
#include "attack.h"

int main(void)
{
	struct timeval long_ago = { 1, 0 };

	syscall(SYS_settimeofday, &long_ago, NULL);
	canary();
	return 0;
}
