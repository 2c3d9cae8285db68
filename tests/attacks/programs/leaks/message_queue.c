/* Leaves a message in a POSIX queue, and looks for that of the run before.
 *
 * id: I4
 * contained: an ipc namespace of its own for each run
 * expect: OK stdout='nothing found'
 * or: VIOLATION syscall=mq_open -- a policy may refuse it at once
 * runs: 3
 */
#include "attack.h"

#include <mqueue.h>

int main(void)
{
	struct mq_attr size = { .mq_maxmsg = 1, .mq_msgsize = 16 };
	mqd_t queue = mq_open("/wardian-attack", O_CREAT | O_RDWR | O_NONBLOCK, 0666, &size);
	char word[16];

	if (queue >= 0) {
		if (mq_receive(queue, word, sizeof word, NULL) >= 0)
			canary();
		mq_send(queue, "left behind", 12, 0);
	}
	say("nothing found");
	return 0;
}
