/* Makes a netlink socket, to list and change interfaces.
 *
 * id: N6
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_NETLINK, SOCK_RAW, 0);
	canary();
	return 0;
}
