/* Leaves a number in files that every run sees: the hint how long their data will live, their signals and owners.
 *
 * id: I26
 * contained: a hint needs the file's owner, all else belongs to the open file
 * expect: OK 'stdout=nothing found'
 * runs: 3
 */
#include "attack.h"

int main(void)
{
	const char *names[] = { "/usr/bin/env", "/etc/passwd", "/etc/hosts", "/usr", "/", "/dev/null", "/proc/version" };

	for (int i = 0; i < 7; i++) {
		int fd = open(names[i], O_RDONLY);
		uint64_t hint = 0, mine = 5;

		if (fcntl(fd, F_GET_RW_HINT, &hint) == 0 && hint != 0)
			canary();
		if (fcntl(fd, F_GETSIG) != 0 || fcntl(fd, F_GETOWN) != 0)
			canary();
		fcntl(fd, F_SET_RW_HINT, &mine);
		fcntl(fd, F_SET_FILE_RW_HINT, &mine);
		fcntl(fd, F_SETSIG, SIGUSR1);
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
	}
	say("nothing found");
	return 0;
}
