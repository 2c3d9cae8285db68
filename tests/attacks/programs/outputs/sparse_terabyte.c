/* Makes its output as large as a file may be, without any content.
 *
 * id: C7
 * contained: the size of a file has a limit, and so has what is collected
 * expect: OK
 * or: DISK -- a file of the largest size is a verdict
 * limits: file-size=1t wall=5s
 * outputs: out.txt
 * output: out.txt refused
 */
#include "attack.h"

int main(void)
{
	int fd = creat("out.txt", 0600);

	need(fd >= 0, "create a file");
	if (ftruncate(fd, 1L << 39) < 0)
		say("refused");
	return 0;
}
