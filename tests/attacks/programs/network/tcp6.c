/* Makes a TCP socket of the newer internet protocol.
 *
 * id: N2
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_INET6, SOCK_STREAM, 0);
	canary();
	return 0;
}
