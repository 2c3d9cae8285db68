/* Every process forks for ever, and ignores that it can't.
 *
 * id: R2
 * contained: the control group's process limit; then the whole group is killed
 * expect: PROCESSES
 * or: CPU_TIME -- the forks that fail use processor time too
 * or: WALL_TIME -- the same
 * limits: wall=1s
 */
#include "attack.h"

int main(void)
{
	for (;;)
		fork();
}
