/* Calls a system call that nobody knows yet.
 *
 * id: S54
 * contained: numbers that newer kernels may have are answered ENOSYS, as by this one: new libraries try them
 * expect: OK stdout='refused: ENOSYS'
 * or: VIOLATION syscall=#1000 -- a policy may refuse what it does not know
 */
#include "attack.h"

int main(void)
{
	long done = syscall(1000);
	return refused(done);
}
