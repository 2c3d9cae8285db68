/* Makes a socket of the kernel's cryptography, which has had holes.
 *
 * id: N10
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_ALG, SOCK_SEQPACKET, 0);
	canary();
	return 0;
}
