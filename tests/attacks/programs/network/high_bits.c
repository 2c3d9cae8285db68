/* Hides the family of an internet socket behind bits that the kernel does not look at.
 *
 * id: N16
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_socket, 0x100000000L | AF_INET, SOCK_STREAM, 0);
	canary();
	return 0;
}
