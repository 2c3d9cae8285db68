/* Leaves a message in a System V queue, and looks for that of the run before.
 *
 * id: I2
 * contained: an ipc namespace of its own for each run
 * expect: OK stdout='nothing found'
 * or: VIOLATION syscall=msgget -- a policy may refuse it at once
 * runs: 3
 */
#include "attack.h"

#include <sys/msg.h>

int main(void)
{
	struct {
		long type;
		char text[16];
	} word = { 1, "left behind" }, found;
	int id = msgget(0x77617264, IPC_CREAT | 0666);

	if (id >= 0) {
		if (msgrcv(id, &found, sizeof found.text, 0, IPC_NOWAIT) >= 0)
			canary();
		msgsnd(id, &word, sizeof word.text, IPC_NOWAIT);
	}
	say("nothing found");
	return 0;
}
