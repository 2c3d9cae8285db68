/* Ends itself by SIGKILL, to look like somebody whom a limit ended.
 *
 * id: T1
 * contained: a limit's verdict needs the limit's counter
 * expect: SIGNAL signal=SIGKILL
 */
#include "attack.h"

int main(void)
{
	kill(getpid(), SIGKILL);
	canary();
	return 0;
}
