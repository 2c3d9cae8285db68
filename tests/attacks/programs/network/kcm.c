/* Makes a socket of a family that nobody uses, for its bugs.
 *
 * id: N13
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_KCM, SOCK_DGRAM, 0);
	canary();
	return 0;
}
