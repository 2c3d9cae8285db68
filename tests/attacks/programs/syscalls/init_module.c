/* Loads a kernel module from memory.
 *
 * id: S30
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=init_module
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_init_module, "\177ELF", 4, "");
	canary();
	return 0;
}
