/* Has page tables of terabytes, mappings and shared memory by the thousand when it ends, so that its end takes long.
 *
 * id: P25
 * contained: its end is waited for, in bounds; page tables count as memory
 * expect: OK stdout=ends
 * or: MEMORY -- page tables count
 * limits: memory=128m cpu=2s wall=4s
 */
#include "attack.h"
#include <sys/shm.h>
#include <sys/sem.h>

int main(void)
{
	char *map = mmap(NULL, 1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	volatile char seen;
	struct sembuf undo = { 0, 1, SEM_UNDO };

	for (long i = 0; map != MAP_FAILED && i < 6000; i++)
		seen = map[i << 21];
	for (int i = 0; i < 200; i++) {
		shmget(IPC_PRIVATE, 65536, 0600);
		undo.sem_num = 0;
		semop(semget(IPC_PRIVATE, 200, 0600), &undo, 1);
	}
	for (int i = 0; i < 30; i++)
		if (fork() == 0)
			for (;;)
				pause();
	say("ends");
	return 0;
}
