/* Makes different forbidden calls in fifty processes at the same time.
 *
 * id: V16
 * contained: all are refused; one is evidence, the others are counted
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=reboot -- either of them may be first
 * limits: processes=64 wall=5s cpu=4s
 */
#include "attack.h"

int main(void)
{
	int ends[2];
	char byte;

	need(pipe(ends) == 0, "pipe");
	for (int i = 0; i < 50; i++)
		if (fork() == 0) {
			close(ends[1]);
			read(ends[0], &byte, 1);
			if (i % 2)
				mount("none", ".", "tmpfs", 0, NULL);
			else
				syscall(SYS_reboot, 0, 0, 0, NULL);
			canary();
			_exit(0);
		}
	close(ends[0]);
	close(ends[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
