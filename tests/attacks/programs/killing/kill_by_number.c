/* Kills by number, as a process that knows numbers of the host would.
 *
 * id: P9
 * contained: in its process namespace these numbers are nobody
 * expect: OK stdout='found 0'
 */
#include "attack.h"

int main(void)
{
	int found = 0;

	for (pid_t pid = 2; pid < 100000; pid++)
		if (pid != getpid() && kill(pid, SIGKILL) == 0)
			found++;
	say("found %d", found);
	return 0;
}
