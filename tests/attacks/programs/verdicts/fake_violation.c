/* Ends itself by SIGSYS, to look like somebody whom the filter ended.
 *
 * id: T2
 * contained: a violation's verdict needs a notification
 * expect: SIGNAL signal=SIGSYS
 */
#include "attack.h"

int main(void)
{
	raise(SIGSYS);
	canary();
	return 0;
}
