/* Ends itself by SIGXFSZ, to look like somebody who wrote too large a file.
 *
 * id: T4
 * contained: a limit's verdict needs the limit's counter
 * expect: SIGNAL signal=SIGXFSZ
 */
#include "attack.h"

int main(void)
{
	raise(SIGXFSZ);
	canary();
	return 0;
}
