/* Removes a kernel module.
 *
 * id: S32
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=delete_module
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_delete_module, "overlay", 0);
	canary();
	return 0;
}
