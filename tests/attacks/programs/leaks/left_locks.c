/* Locks files of the root that every run sees, and looks for locks of others: a channel without a single byte written.
 *
 * id: I6
 * contained: locks end with their process; nothing of a run that ended is left
 * expect: OK stdout='nothing found'
 * runs: 3
 */
#include "attack.h"

#include <sys/file.h>

int main(void)
{
	const char *names[] = { "/usr/bin/env", "/etc/passwd", "/usr", "/", "/dev/null" };

	for (int i = 0; i < 5; i++) {
		int fd = open(names[i], O_RDONLY);

		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
			canary();
	}
	if (fork() == 0) {
		setsid();
		for (;;)
			pause();
	}
	say("nothing found");
	return 0;
}
