/* Changes the machine's domain.
 *
 * id: S42
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=setdomainname
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_setdomainname, "owned", 5);
	canary();
	return 0;
}
