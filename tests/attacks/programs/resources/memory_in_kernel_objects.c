/* Has the kernel allocate for it: thousands of mappings, each of its own page of page tables.
 *
 * id: R18
 * contained: the kernel's memory for a process counts in the control group
 * expect: MEMORY limit=memory_bytes
 * or: OK stdout='refused: ENOMEM' -- the number of mappings of a process is limited
 * limits: wall=5s cpu=5s
 */
#include "attack.h"

int main(void)
{
	for (uintptr_t i = 1; i < 1000000; i++) {
		void *where = (void *)(i << 21);
		char *page = mmap(where, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (page == MAP_FAILED && errno == EEXIST)
			continue;
		if (page == MAP_FAILED)
			return refused(-1);
		*page = 1;
	}
	canary();
	return 0;
}
