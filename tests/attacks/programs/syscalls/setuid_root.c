/* Becomes root.
 *
 * id: S58
 * contained: no capability in any namespace that matters, and no id but its own is mapped
 * expect: OK 'stdout=refused: E(PERM|INVAL)'
 * or: VIOLATION syscall=setuid -- nobody needs to become another user
 */
#include "attack.h"

int main(void)
{
	long done = setuid(0);
	if (done == 0 && getuid() != 0) {
		errno = EPERM;
		done = -1;
	}
	return refused(done);
}
