/* Makes a TCP socket by the number of another family (AF_SMC).
 *
 * id: N15
 * contained: of all socket families the policy knows AF_UNIX alone
 * expect: VIOLATION syscall=socket
 */
#include "attack.h"

int main(void)
{
	socket(43, SOCK_STREAM, 0);
	canary();
	return 0;
}
