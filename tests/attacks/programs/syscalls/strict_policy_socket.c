/* Makes even a unix socket under the policy that has read, write, open and exit alone.
 *
 * id: S84
 * contained: no sockets at all under `strict`
 * expect: VIOLATION syscall=socket
 * policy: strict
 */
#include "attack.h"

int main(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
	canary();
	return 0;
}
