/* Stops itself, so that it uses no time at all.
 *
 * id: T15
 * contained: wall time goes on
 * expect: WALL_TIME limit=wall_s
 * limits: wall=0.4s
 */
#include "attack.h"

int main(void)
{
	raise(SIGSTOP);
	canary();
	return 0;
}
