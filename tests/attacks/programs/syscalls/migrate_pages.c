/* Moves the memory of process 1 to another node.
 *
 * id: S65
 * contained: answered EPERM, as to anybody without privileges
 * expect: OK 'stdout=refused: E(PERM|NOSYS)'
 * or: VIOLATION syscall=migrate_pages -- a policy may take it for an attack
 */
#include "attack.h"

int main(void)
{
	unsigned long nodes = 1;
	long done = syscall(SYS_migrate_pages, 1, 64, &nodes, &nodes);
	return refused(done);
}
