/* Makes a bluetooth socket.
 *
 * id: N11
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_BLUETOOTH, SOCK_RAW, 1);
	canary();
	return 0;
}
