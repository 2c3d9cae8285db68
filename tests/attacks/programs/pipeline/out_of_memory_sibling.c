/* Fills its memory in one process while another one makes the forbidden call.
 *
 * id: V19
 * contained: both are counted; the violation goes first where it was seen
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=interrupted -- it may be called off before it is read
 * or: MEMORY -- the kernel may kill before the call is made
 */
#include "attack.h"

int main(void)
{
	if (fork() == 0) {
		fill(1 << 30);
		pause();
	}
	usleep(5000);
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
