/* Turns a file of its own into swap space.
 *
 * id: S34
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=swapon
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_swapon, "/tmp/swap", 0);
	canary();
	return 0;
}
