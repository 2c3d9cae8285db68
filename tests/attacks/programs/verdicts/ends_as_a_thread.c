/* Executes another program in a thread that is not the first: the kernel gives that thread the number of the process, and
 * the first thread, which would fail, is gone.
 *
 * id: T32
 * contained: the number stays the process's, and so does the verdict: the end is that of the program executed last
 * expect: NONZERO_EXIT code=7
 */
#include "attack.h"

static char *self;

static void *other(void *unused)
{
	char *words[] = {self, "again", NULL}, *none[] = {NULL};

	execve(self, words, none);
	return unused;
}

int main(int count, char **words)
{
	pthread_t thread;

	if (count > 1)
		return 7;
	self = words[0];
	need(pthread_create(&thread, NULL, other, NULL) == 0, "thread");
	for (;;)
		pause();
}
