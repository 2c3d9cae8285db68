/* Looks for thousands of names that are not there, in directories of all: the kernel keeps each for a while.
 *
 * id: R69
 * contained: what is kept counts in its group, and is given up first
 * expect: OK 'stdout=none of them'
 * or: MEMORY -- the kernel keeps what was made a moment ago, and has nothing else to give up
 * or: CPU_TIME -- it is all work
 * runs: 2
 */
#include "attack.h"

int main(void)
{
	char name[300];

	for (int i = 0; i < 12000; i++) {
		snprintf(name, sizeof name, "/usr/%s/%0200d-%d", i % 2 ? "bin" : "lib", i, getpid());
		if (access(name, F_OK) == 0)
			canary();
	}
	say("none of them");
	return 0;
}
