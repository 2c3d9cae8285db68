/* Forks and lets the parent die, for ever: whoever kills process by process is always one behind.
 *
 * id: R8
 * contained: the run ends with its first process; the group is killed as a whole
 * expect: OK stdout=''
 * or: PROCESSES -- those that nobody has reaped yet count
 */
#include "attack.h"

int main(void)
{
	if (fork() > 0)
		return 0;
	for (;;)
		if (fork() > 0)
			_exit(0);
}
