/* A namespace flag among set high bits, for filters that compare 64 bits at once.
 *
 * id: S17
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=clone
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_clone, 0xffffffff00000000UL | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	canary();
	return 0;
}
