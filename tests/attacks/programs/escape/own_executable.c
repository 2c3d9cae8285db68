/* Writes to /proc/self/exe and to the executable of process 1, as CVE-2019-5736 did to the runtime's.
 *
 * id: F1
 * contained: a running executable can't be written, the launcher is a sealed copy in memory, and the root is read-only
 * expect: OK stdout='0 opened'
 */
#include "attack.h"

int main(void)
{
	const char *names[] = { "/proc/1/exe", "/proc/self/exe", "/proc/thread-self/exe" };
	int opened = 0;

	for (int i = 0; i < 3; i++) {
		int fd = open(names[i], O_PATH);
		char again[64];

		snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
		for (int flags = O_WRONLY; flags <= O_RDWR; flags++)
			opened += open(names[i], flags) >= 0 || (fd >= 0 && open(again, flags) >= 0);
		opened += open(names[i], O_WRONLY | O_TRUNC) >= 0;
	}
	say("%d opened", opened);
	if (opened)
		canary();
	return 0;
}
