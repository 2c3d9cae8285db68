/* Gives the forbidden call a path of 32 mebibytes without an end.
 *
 * id: V6
 * contained: arguments are read up to a bound
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	size_t length = 32 << 20;
	char *path = malloc(length);

	need(path != NULL, "malloc");
	memset(path, '/', length);
	mount(path, path, path, 0, path);
	canary();
	return 0;
}
