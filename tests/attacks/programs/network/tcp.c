/* Makes a TCP socket, to connect to anywhere.
 *
 * id: N1
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
	canary();
	return 0;
}
