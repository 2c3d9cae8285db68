/* Kills every process that it may.
 *
 * id: P8
 * contained: kill(-1) ends with its process namespace; it spares the caller
 * expect: OK stdout='still here'
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			for (;;)
				pause();
	kill(-1, SIGKILL);
	say("still here");
	return 0;
}
