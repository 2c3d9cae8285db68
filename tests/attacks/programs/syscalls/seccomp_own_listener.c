/* Installs a filter with a listener of its own, which would be asked before ours.
 *
 * id: S61
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=seccomp
 * or: OK 'stdout=refused: E(PERM|BUSY|NOSYS|INVAL|ACCES)' -- one listener for each process is what the kernel allows
 */
#include "attack.h"

int main(void)
{
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} allow = { 6, 0, 0, 0x7fff0000 };
	struct {
		uint16_t length;
		void *filter;
	} program = { 1, &allow };
	long listener = syscall(SYS_seccomp, 1, 8 /* NEW_LISTENER */, &program);
	return refused(listener);
}
