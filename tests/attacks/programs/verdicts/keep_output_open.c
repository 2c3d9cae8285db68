/* Leaves a child that holds the output open for ever: whoever waits for the end of the streams waits for ever.
 *
 * id: T14
 * contained: the end of the first process is the end of the run
 * expect: OK stdout=done
 */
#include "attack.h"

int main(void)
{
	if (fork() == 0)
		for (;;)
			pause();
	say("done");
	return 0;
}
