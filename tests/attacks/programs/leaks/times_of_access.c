/* Looks whether anybody has read a file of /etc before, and reads it: a message to the next run.
 *
 * id: I22
 * contained: what runs share is mounted read-only, so that no time of access changes
 * expect: OK stdout='nobody was here'
 * runs: 3
 */
#include "attack.h"

int main(void)
{
	const char *names[] = { "/etc/passwd", "/etc/hosts", "/etc/hostname", "/etc/group" };
	char content[64];
	struct stat before, after;

	for (int i = 0; i < 4; i++) {
		int fd = open(names[i], O_RDONLY);

		need(fd >= 0 && fstat(fd, &before) == 0, names[i]);
		sleep(0);
		need(read(fd, content, sizeof content) > 0 && fstat(fd, &after) == 0, names[i]);
		if (before.st_atim.tv_sec != after.st_atim.tv_sec || before.st_atim.tv_nsec != after.st_atim.tv_nsec)
			canary();
		if (open(names[i], O_WRONLY) >= 0 || futimens(fd, NULL) == 0 || fchmod(fd, 0777) == 0)
			canary();
	}
	say("nobody was here");
	return 0;
}
