/* Is in calls that take very long when its time is over: huge reads of /dev/zero, copies of holes, random bytes.
 *
 * id: R70
 * contained: SIGKILL ends each of them
 * expect: WALL_TIME
 * or: CPU_TIME -- they are all work
 * or: MEMORY -- what they fill counts
 * limits: wall=1s
 */
#include "attack.h"
#include <sys/random.h>
#include <sys/sendfile.h>

int main(void)
{
	char *room = mmap(NULL, 4L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY), hole = open("hole", O_RDWR | O_CREAT, 0600);
	int pipes[2];

	ftruncate(hole, 8 << 20);
	pipe(pipes);
	if (fork() == 0)
		for (;;)
			getrandom(room, 32 << 20, 0);
	if (fork() == 0)
		for (;;)
			sendfile(null, hole, &(off_t){ 0 }, 1L << 40);
	if (fork() == 0)
		for (;;)
			copy_file_range(hole, &(off_t){ 0 }, hole, &(off_t){ 4 << 20 }, 4 << 20, 0);
	if (fork() == 0)
		for (;;)
			splice(zero, NULL, pipes[1], NULL, 1L << 40, 0);
	if (fork() == 0)
		for (;;)
			syscall(SYS_mincore, room, 4L << 30, room);
	for (;;)
		read(zero, room, 24 << 20);
}
