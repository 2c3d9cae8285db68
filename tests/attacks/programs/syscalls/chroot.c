/* Leaves by chroot and "..", the classic.
 *
 * id: S6
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=chroot
 */
#include "attack.h"

int main(void)
{
	mkdir("cell", 0700);
	int root = open("/", O_DIRECTORY);
	chroot("cell");
	fchdir(root);
	for (int i = 0; i < 100; i++)
		chdir("..");
	chroot(".");
	canary();
	return 0;
}
