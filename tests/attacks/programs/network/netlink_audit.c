/* Listens to the kernel's audit records, where its own violation would stand.
 *
 * id: N7
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_NETLINK, SOCK_RAW, 9);
	canary();
	return 0;
}
