/* Clones a mount by a system call of 2025 that tables of names lack.
 *
 * id: S70
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=#467
 * or: VIOLATION syscall=open_tree_attr -- a newer libseccomp knows its name
 */
#include "attack.h"

int main(void)
{
	syscall(467, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */, NULL, 0);
	canary();
	return 0;
}
