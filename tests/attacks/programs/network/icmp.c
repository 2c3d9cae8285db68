/* Makes a raw socket for ICMP.
 *
 * id: N4
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_INET, SOCK_RAW, 1);
	canary();
	return 0;
}
