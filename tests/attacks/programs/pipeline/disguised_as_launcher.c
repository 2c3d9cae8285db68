/* Starts itself again as a file in memory called "wardian", which is what the launcher looks like, before the supervisor
 * has heard that the launcher is gone: whose calls are the launcher's are let go on.
 *
 * id: V29
 * contained: the launcher is known by the number of its file, not by the name; and once it has only to execute the
 *     program, its calls are no exception any more
 * expect: VIOLATION syscall=unshare
 * runs: 25
 */
#include "attack.h"

#include <sys/sendfile.h>

int main(int count, char **words)
{
	char path[64];
	char *again[] = {words[0], "again", NULL}, *none[] = {NULL};
	struct stat st;
	off_t from = 0;

	if (count > 1) {
		if (syscall(SYS_unshare, CLONE_NEWUSER) == 0)
			canary();
		return 1;
	}
	int self = open("/proc/self/exe", O_RDONLY);
	int copy = (int)syscall(SYS_memfd_create, "wardian", 0);
	need(self >= 0 && copy >= 0 && fstat(self, &st) == 0, "memfd_create");
	need(sendfile(copy, self, &from, (size_t)st.st_size) == st.st_size, "sendfile");
	snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
	execve(path, again, none);
	need(0, "execve");
}
