/* Opens the terminal of whoever started it, by all names that it may have.
 *
 * id: F27
 * contained: it has no controlling terminal; /dev/pts is its own or not there
 * expect: OK stdout='0 opened'
 */
#include "attack.h"

int main(void)
{
	int opened = open("/dev/tty", O_RDWR) >= 0;
	char path[32];

	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof path, "/dev/pts/%d", i);
		opened += open(path, O_RDWR | O_NOCTTY) >= 0;
	}
	if (opened)
		canary();
	say("%d opened", opened);
	return 0;
}
