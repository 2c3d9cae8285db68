/* Says the farewell of process 1, behind which nobody listens any more, and then makes forbidden calls.
 *
 * id: V33
 * contained: who says it is told by its process; the word itself is a violation
 * expect: VIOLATION syscall=prctl count=1
 */
#include "attack.h"

int main(void)
{
	if (fork() == 0) {
		prctl(0x57415244, 1, 0, 0, 0x57415244);
		canary();
		mount("none", ".", "tmpfs", 0, NULL);
		canary();
		_exit(0);
	}
	wait(NULL);
	canary();
	return 0;
}
