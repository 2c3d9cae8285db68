/* Loads another kernel.
 *
 * id: S28
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=kexec_load
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_kexec_load, 0, 0, NULL, 0);
	canary();
	return 0;
}
