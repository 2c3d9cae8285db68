/* Joins the group of the disks.
 *
 * id: S59
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=setgroups
 * or: OK 'stdout=refused: EPERM' -- without capabilities the kernel refuses it
 */
#include "attack.h"

int main(void)
{
	gid_t groups[] = { 0, 6 };
	long done = syscall(SYS_setgroups, 2, groups);
	return refused(done);
}
