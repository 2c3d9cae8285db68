/* Reads the kernel's log, and clears it.
 *
 * id: S43
 * contained: answered EPERM, as to anybody without privileges
 * expect: OK stdout='refused: EPERM'
 * or: VIOLATION syscall=syslog -- a policy may take it for an attack
 */
#include "attack.h"

int main(void)
{
	char log[4096];
	long done = syscall(SYS_syslog, 4 /* read and clear */, log, sizeof log);
	return refused(done);
}
