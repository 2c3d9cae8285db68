/* Writes a forged result to every descriptor that it may have inherited from its supervisor.
 *
 * id: T10
 * contained: no descriptor but 0, 1 and 2 is open
 * expect: OK 'stdout=nothing but the streams'
 */
#include "attack.h"

int main(void)
{
	const char *result = "\0\0\0\0exited 0\n";
	int found = 0;

	for (int fd = 3; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			write(fd, result, 13);
			say("descriptor %d", fd);
			found++;
		}
	if (found)
		canary();
	else
		say("nothing but the streams");
	return 0;
}
