/* Asks for memory that not even the kernel can see, to hide from a snapshot.
 *
 * id: S64
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=memfd_secret
 * or: OK 'stdout=refused: ENOSYS' -- many kernels lack it
 */
#include "attack.h"

int main(void)
{
	long secret = syscall(SYS_memfd_secret, 0);
	return refused(secret);
}
