/* Has many busy processes when it makes the forbidden call, so that freezing takes long.
 *
 * id: V15
 * contained: the freezer's wait is bounded; then the box is killed
 * expect: VIOLATION syscall=mount
 * limits: processes=200 wall=10s cpu=9s
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 150; i++)
		if (fork() == 0)
			for (;;)
				__asm__ volatile("");
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
