/* Signals its process group and its session, which it may share with whoever started it.
 *
 * id: P10
 * contained: a session of its own, in a process namespace of its own
 * expect: SIGNAL signal=SIGKILL
 * or: OK stdout='my own' -- the group may have been left empty of others
 */
#include "attack.h"

int main(void)
{
	kill(0, SIGKILL);
	kill(-getsid(0), SIGKILL);
	say("my own");
	return 0;
}
