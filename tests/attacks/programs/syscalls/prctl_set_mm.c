/* Makes its own /proc entries lie, by prctl.
 *
 * id: S62
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=prctl
 * or: OK 'stdout=refused: E(PERM|INVAL)' -- without capabilities the kernel refuses it
 */
#include "attack.h"

int main(void)
{
	long done = prctl(PR_SET_MM, PR_SET_MM_ARG_START, 0x1000, 0, 0);
	return refused(done);
}
