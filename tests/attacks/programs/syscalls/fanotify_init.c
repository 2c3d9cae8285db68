/* Watches every file that anybody opens.
 *
 * id: S38
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=fanotify_init
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_fanotify_init, 0, 0);
	canary();
	return 0;
}
