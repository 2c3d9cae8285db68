/* Does nothing, for ever.
 *
 * id: R49
 * contained: wall time
 * expect: WALL_TIME limit=wall_s
 * limits: wall=0.4s
 */
#include "attack.h"

int main(void)
{
	for (;;)
		pause();
}
