/* Loads another kernel from a file.
 *
 * id: S29
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=kexec_file_load
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_kexec_file_load, -1, -1, 0, "", 0);
	canary();
	return 0;
}
