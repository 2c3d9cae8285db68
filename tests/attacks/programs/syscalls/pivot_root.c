/* Pivots to a directory of its own, so that the old root appears.
 *
 * id: S5
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=pivot_root
 */
#include "attack.h"

int main(void)
{
	mkdir("old", 0700);
	syscall(SYS_pivot_root, ".", "old");
	canary();
	return 0;
}
