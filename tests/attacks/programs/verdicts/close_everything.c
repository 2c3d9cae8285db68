/* Closes its streams at once, and takes its time then: whoever waits for the end of the streams is wrong.
 *
 * id: T13
 * contained: the end of the process is the end of the run
 * expect: NONZERO_EXIT code=7
 */
#include "attack.h"

int main(void)
{
	struct timespec some = { 0, 200000000 };

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	nanosleep(&some, NULL);
	return 7;
}
