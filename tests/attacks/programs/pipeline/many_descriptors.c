/* Has every kind of descriptor open when it makes the forbidden call: pipes nobody reads, sockets, a FIFO, deleted files.
 *
 * id: V25
 * contained: evidence lists descriptors, and opens none of them
 * expect: VIOLATION syscall=mount
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	int ends[2];

	mkfifo("fifo", 0600);
	open("fifo", O_RDWR);
	unlink(strcpy((char[16]){ 0 }, "fifo"));
	for (int i = 0; i < 20; i++) {
		pipe(ends);
		socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
		close(open("gone", O_CREAT | O_RDWR, 0600));
		open("gone", O_RDWR);
		unlink("gone");
	}
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
