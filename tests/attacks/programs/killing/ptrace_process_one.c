/* Attaches to process 1 of its box by ptrace.
 *
 * id: P11
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=ptrace
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, 1, 0, 0);
	canary();
	return 0;
}
