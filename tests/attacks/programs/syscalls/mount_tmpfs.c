/* Mounts a tmpfs over the directory it works in.
 *
 * id: S1
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
