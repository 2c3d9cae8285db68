/* Forks under the policy that has read, write, open and exit alone.
 *
 * id: S82
 * contained: no process but the first under `strict`
 * expect: VIOLATION syscall=clone
 * or: VIOLATION syscall=fork -- the C library chooses
 * policy: strict
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	canary();
	return 0;
}
