/* Has the kernel page out the memory of process 1.
 *
 * id: S63
 * contained: answered ENOSYS, as by an older kernel
 * expect: OK stdout='refused: ENOSYS'
 * or: VIOLATION syscall=process_madvise -- a policy may take it for an attack
 * or: VIOLATION syscall=pidfd_open -- a policy may refuse the descriptor already
 */
#include "attack.h"

int main(void)
{
	int pid = (int)syscall(SYS_pidfd_open, 1, 0);
	struct iovec all = { (void *)0x400000, 4096 };
	long done = syscall(SYS_process_madvise, pid, &all, 1, 21 /* MADV_PAGEOUT */, 0);
	return refused(done);
}
