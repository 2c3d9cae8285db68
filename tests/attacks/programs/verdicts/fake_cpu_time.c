/* Ends itself by SIGXCPU, to look like somebody who computed too long.
 *
 * id: T3
 * contained: a limit's verdict needs the limit's counter
 * expect: SIGNAL signal=SIGXCPU
 */
#include "attack.h"

int main(void)
{
	raise(SIGXCPU);
	canary();
	return 0;
}
