/* Seizes a sibling by ptrace, to have it do what it may not do itself.
 *
 * id: P12
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=ptrace
 */
#include "attack.h"

int main(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	syscall(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, child, 0, 0);
	canary();
	return 0;
}
