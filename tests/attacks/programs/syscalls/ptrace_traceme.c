/* Lets itself be traced: a tracer may change a system call after the filter saw it.
 *
 * id: S24
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=ptrace
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0);
	canary();
	return 0;
}
