/* Turns off address randomisation, and makes every page executable.
 *
 * id: S57
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=personality
 * or: OK 'stdout=refused: E(PERM|INVAL|NOSYS)' -- it harms nobody else, so a quiet error will do
 */
#include "attack.h"

int main(void)
{
	long old = syscall(SYS_personality, 0x0040000 | 0x0400000 /* ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC */);
	return refused(old);
}
