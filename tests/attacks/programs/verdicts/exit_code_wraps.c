/* Ends with exit code 256, of which the kernel keeps nothing, after it wrote the opposite.
 *
 * id: T7
 * contained: the exit code is what the kernel says: 0
 * expect: OK stdout='I failed'
 */
#include "attack.h"

int main(void)
{
	say("I failed");
	syscall(SYS_exit_group, 256);
	return 1;
}
