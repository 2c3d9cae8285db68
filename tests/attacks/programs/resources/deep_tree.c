/* Makes directories in directories, as deep as it goes: tools that recurse die of it.
 *
 * id: R35
 * contained: the number of inodes; the tree is removed by unmounting it, not by walking it
 * expect: DISK limit=inodes
 */
#include "attack.h"

int main(void)
{
	for (int depth = 0; depth < 100000; depth++) {
		if (mkdir("d", 0700) < 0)
			return 0;
		if (chdir("d") < 0)
			break;
	}
	canary();
	return 0;
}
