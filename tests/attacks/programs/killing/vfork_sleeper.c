/* Waits inside of vfork, where a process takes no signal but one that kills, for a child that never ends.
 *
 * id: P5
 * contained: both die with the group
 * expect: WALL_TIME limit=wall_s
 * limits: wall=0.4s
 */
#include "attack.h"

int main(void)
{
	if (vfork() == 0)
		for (;;)
			pause();
	canary();
	return 0;
}
