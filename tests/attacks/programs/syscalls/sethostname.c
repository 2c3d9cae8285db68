/* Renames the machine.
 *
 * id: S41
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=sethostname
 */
#include "attack.h"

int main(void)
{
	sethostname("owned", 5);
	canary();
	return 0;
}
