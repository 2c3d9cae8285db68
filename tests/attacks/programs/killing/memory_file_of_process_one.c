/* Opens the memory of process 1 as a file, for writing and for reading.
 *
 * id: P17
 * contained: process 1 can't be dumped, or is of another user, or is the program itself
 * expect: OK 'stdout=refused: E(ACCES|PERM|NOENT)'
 * or: OK 'stdout=my own' -- without an init it is process 1 itself
 */
#include "attack.h"

int main(void)
{
	if (getpid() == 1) {
		say("my own");
		return 0;
	}
	if (open("/proc/1/mem", O_RDWR) >= 0)
		canary();
	return refused(open("/proc/1/mem", O_RDONLY));
}
