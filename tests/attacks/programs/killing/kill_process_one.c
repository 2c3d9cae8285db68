/* Sends every signal to process 1 of its box.
 *
 * id: P7
 * contained: process 1 of a namespace takes no signal from inside that it does not want
 * expect: OK stdout='still here'
 * or: SIGNAL -- below an ordinary user process 1 hands on to the program what it is sent
 */
#include "attack.h"

int main(void)
{
	if (getpid() != 1)
		for (int number = 1; number < 65; number++)
			if (number != SIGCHLD && number != SIGCONT)
				kill(1, number);
	say("still here");
	return 0;
}
