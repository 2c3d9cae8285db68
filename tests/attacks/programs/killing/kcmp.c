/* Compares what it shares with process 1, to learn addresses of the kernel.
 *
 * id: P16
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=kcmp
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_kcmp, getpid(), 1, 0, 0, 0);
	canary();
	return 0;
}
