/* Makes a whiteout (device 0:0), which an overlay takes for a deletion.
 *
 * id: S23
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mknodat
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_mknodat, AT_FDCWD, "passwd", S_IFCHR, 0);
	canary();
	return 0;
}
