/* Locks /dev/null and a library byte by byte: whoever closes a file goes through all the locks on it.
 *
 * id: R68
 * contained: the devices are its own, those of a pool its pool's; each lock takes its own processor time
 * expect: OK 'stdout=locked'
 * or: CPU_TIME -- the more locks there are, the longer the next one takes
 * limits: cpu=0.3s
 */
#include "attack.h"

int main(void)
{
	const char *names[] = { "/dev/null", "/dev/zero", "/usr/bin/env", "/etc/passwd" };

	for (int i = 0; i < 4; i++) {
		int fd = open(names[i], O_RDONLY);
		struct flock one = { .l_type = F_RDLCK, .l_len = 1 };

		for (int n = 0; n < 1500; n++, one.l_start += 2)
			if (fcntl(fd, i % 2 ? F_OFD_SETLK : F_SETLK, &one) < 0)
				break;
	}
	say("locked");
	return 0;
}
