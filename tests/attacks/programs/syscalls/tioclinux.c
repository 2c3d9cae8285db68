/* Pastes into the machine's console by TIOCLINUX.
 *
 * id: S69
 * contained: no console among its devices, and no terminal for its streams
 * expect: OK 'stdout=refused: E(NOTTY|PERM|INVAL|ACCES)'
 * or: VIOLATION syscall=ioctl -- the filter may know the request
 */
#include "attack.h"

int main(void)
{
	char paste = 3;
	long done = -1;
	int console = open("/dev/tty1", O_RDWR);

	if (console < 0)
		console = 0;
	done = ioctl(console, TIOCLINUX, &paste);
	return refused(done);
}
