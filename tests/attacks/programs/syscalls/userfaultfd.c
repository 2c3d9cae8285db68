/* Asks for userfaultfd, with which kernel races are won.
 *
 * id: S27
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=userfaultfd
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_userfaultfd, 0);
	canary();
	return 0;
}
