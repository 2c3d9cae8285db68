/* Watches files until its user's watches, which other programs need too, are used up.
 *
 * id: R26
 * contained: a policy without inotify, a limit of its own namespace, or the memory that watches cost
 * expect: VIOLATION syscall=inotify_init1
 * or: VIOLATION syscall=inotify_init -- the C library chooses
 * or: OK 'stdout=refused: E(MFILE|NOSPC|NOSYS|PERM)' -- limits of the user namespace
 */
#include "attack.h"

#include <sys/inotify.h>

int main(void)
{
	for (int i = 0; i < 100000; i++) {
		int fd = inotify_init1(0);

		if (fd < 0 || inotify_add_watch(fd, "/", IN_ALL_EVENTS) < 0)
			return refused(-1);
	}
	canary();
	return 0;
}
