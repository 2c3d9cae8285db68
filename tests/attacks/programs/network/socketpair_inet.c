/* Asks for a pair of internet sockets.
 *
 * id: N17
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socketpair
 */
#include "attack.h"

int main(void)
{
	socketpair(AF_TIPC, SOCK_STREAM, 0, (int[2]){ 0 });
	canary();
	return 0;
}
