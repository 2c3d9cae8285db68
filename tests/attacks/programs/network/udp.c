/* Makes a UDP socket, to ask name servers for names that carry data.
 *
 * id: N3
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_INET, SOCK_DGRAM, 0);
	canary();
	return 0;
}
