/* Loads a kernel module from a file.
 *
 * id: S31
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=finit_module
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_finit_module, 0, "", 0);
	canary();
	return 0;
}
