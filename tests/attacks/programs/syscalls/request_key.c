/* Has the kernel start /sbin/request-key as root.
 *
 * id: S46
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=request_key
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_request_key, "user", "wardian-attack", "x", -3);
	canary();
	return 0;
}
