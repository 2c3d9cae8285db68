/* Gives its files times before time began and after it will have ended, and is stopped: an archive of them has to say so.
 *
 * id: C21
 * contained: what can't be written down is written down as what can
 * expect: VIOLATION syscall=mount
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	long seconds[] = {-1, LONG_MIN, LONG_MAX, -(1L << 40), 1L << 40, 1L << 33, -9223372036L};

	for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) {
		char name[16];
		struct timespec times[2] = {{seconds[i], 999999999}, {seconds[i], 1}};

		snprintf(name, sizeof name, "file%u", i);
		close(open(name, O_WRONLY | O_CREAT, 0));
		utimensat(AT_FDCWD, name, times, 0);
	}
	utimensat(AT_FDCWD, ".", (struct timespec[2]){{LONG_MAX, 0}, {LONG_MIN, 0}}, 0);
	mount("none", "/tmp", "tmpfs", 0, NULL);
	canary();
	return 0;
}
