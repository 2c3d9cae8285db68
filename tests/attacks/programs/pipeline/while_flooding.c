/* Floods both streams while it makes the forbidden call.
 *
 * id: V18
 * contained: a violation is a violation, whatever else was reached
 * expect: VIOLATION syscall=mount
 * or: OUTPUT -- the limit of output may be reached before the call is made
 */
#include "attack.h"

int main(void)
{
	static char block[65536];

	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			while (write(1 + i % 2, block, sizeof block) > 0)
				;
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
