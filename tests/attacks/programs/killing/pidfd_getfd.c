/* Copies a descriptor out of process 1 of its box.
 *
 * id: P15
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=pidfd_getfd
 * or: VIOLATION syscall=pidfd_open -- a policy may refuse the first step
 */
#include "attack.h"

int main(void)
{
	long process = syscall(SYS_pidfd_open, 1, 0);

	for (int fd = 0; fd < 64; fd++)
		syscall(SYS_pidfd_getfd, process, fd, 0);
	canary();
	return 0;
}
