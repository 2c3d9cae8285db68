/* Sends forged device events.
 *
 * id: N8
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_NETLINK, SOCK_DGRAM, 15);
	canary();
	return 0;
}
