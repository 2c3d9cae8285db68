/* Makes the root writable by a remount.
 *
 * id: S2
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
	canary();
	return 0;
}
