/* Changes disk quotas.
 *
 * id: S37
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=quotactl
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_quotactl, 0x800002 << 8, "/dev/vda", 0, "quota");
	canary();
	return 0;
}
