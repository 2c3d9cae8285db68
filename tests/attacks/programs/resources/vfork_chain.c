/* Forks by clone with CLONE_VM | CLONE_VFORK, each child another one: all but the last are stuck in the kernel.
 *
 * id: R5
 * contained: the control group's process limit; those that are stuck die with the group
 * expect: PROCESSES
 * or: SIGNAL -- the chain shares one stack, and may break it
 * or: WALL_TIME -- the last of the chain waits
 * limits: wall=1s
 */
#include "attack.h"

static char stacks[200][4096];

static int next(void *number)
{
	long depth = (long)number;

	if (depth < 199)
		clone(next, stacks[depth] + 4096, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)(depth + 1));
	else
		canary();
	pause();
	return 0;
}

int main(void)
{
	return next((void *)0);
}
