/* Makes a vsock socket, which no network namespace keeps from the hypervisor.
 *
 * id: N9
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_VSOCK, SOCK_STREAM, 0);
	canary();
	return 0;
}
