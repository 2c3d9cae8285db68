/* Copies a mount by descriptor, and moves it elsewhere.
 *
 * id: S7
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=open_tree
 */
#include "attack.h"

int main(void)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */);
	syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp", 4);
	canary();
	return 0;
}
