/* Makes a forbidden call a million times, to flood whoever logs them.
 *
 * id: V1
 * contained: the first one freezes the box; there is no second
 * expect: VIOLATION syscall=mount count=1
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 1000000; i++)
		mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
