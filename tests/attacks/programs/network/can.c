/* Makes a socket for the bus of a car.
 *
 * id: N12
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_CAN, SOCK_RAW, 1);
	canary();
	return 0;
}
