/* Makes a packet socket, to read and forge what is on the wire.
 *
 * id: N5
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(AF_PACKET, SOCK_RAW, 0x0300);
	canary();
	return 0;
}
