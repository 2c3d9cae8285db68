/* Makes shared memory that outlives every process.
 *
 * id: R19
 * contained: the segment counts in the group, and its namespace ends with the box
 * expect: MEMORY limit=memory_bytes
 * or: VIOLATION syscall=shmget -- a policy may refuse it at once
 * or: OK 'stdout=refused: E(NOSYS|PERM|NOSPC|NOMEM|INVAL)' -- a policy may refuse it at once
 */
#include "attack.h"

#include <sys/shm.h>

int main(void)
{
	int id = shmget(IPC_PRIVATE, 1 << 30, IPC_CREAT | 0600);

	if (id < 0)
		return refused(-1);
	memset(shmat(id, NULL, 0), 1, 1 << 30);
	canary();
	return 0;
}
