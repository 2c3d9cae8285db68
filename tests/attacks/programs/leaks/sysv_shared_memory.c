/* Leaves a word in System V shared memory, and looks for that of the run before.
 *
 * id: I1
 * contained: an ipc namespace of its own for each run
 * expect: OK stdout='nothing found'
 * or: VIOLATION syscall=shmget -- a policy may refuse it at once
 * runs: 3
 */
#include "attack.h"

#include <sys/shm.h>

int main(void)
{
	int id = shmget(0x77617264, 4096, IPC_CREAT | 0666);

	if (id >= 0) {
		char *word = shmat(id, NULL, 0);

		if (word != (void *)-1 && strcmp(word, "left behind") == 0)
			canary();
		else if (word != (void *)-1)
			strcpy(word, "left behind");
	}
	say("nothing found");
	return 0;
}
