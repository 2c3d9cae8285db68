/* Sets a System V semaphore, and looks for the value of the run before.
 *
 * id: I3
 * contained: an ipc namespace of its own for each run
 * expect: OK stdout='nothing found'
 * or: VIOLATION syscall=semget -- a policy may refuse it at once
 * runs: 3
 */
#include "attack.h"

#include <sys/sem.h>

int main(void)
{
	int id = semget(0x77617264, 1, IPC_CREAT | 0666);

	if (id >= 0) {
		if (semctl(id, 0, GETVAL) == 42)
			canary();
		semctl(id, 0, SETVAL, 42);
	}
	say("nothing found");
	return 0;
}
