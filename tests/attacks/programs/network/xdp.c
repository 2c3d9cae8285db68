/* Makes an AF_XDP socket.
 *
 * id: N14
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(44, SOCK_RAW, 0);
	canary();
	return 0;
}
