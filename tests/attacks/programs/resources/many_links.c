/* Gives one file as many names as the directory takes.
 *
 * id: R37
 * contained: a name costs an inode of the tmpfs
 * expect: DISK limit=inodes
 * or: OK 'stdout=refused: E(MLINK|NOSPC)' -- the count of links has a limit of its own
 */
#include "attack.h"

int main(void)
{
	char name[32];

	close(creat("one", 0600));
	for (int i = 0; i < 1000000; i++) {
		snprintf(name, sizeof name, "%d", i);
		if (link("one", name) < 0)
			return refused(-1);
	}
	canary();
	return 0;
}
