/* Has 60,000 mappings, some of them of terabytes that were never touched, when it makes the forbidden call: whoever
 * describes its memory page by page, or mapping by mapping, is busy for hours.
 *
 * id: V30
 * contained: evidence has bounds in size, number and time
 * expect: VIOLATION syscall=mount
 * or: MEMORY -- page tables are memory
 * evidence: yes
 * limits: wall=20s cpu=10s memory=256m
 */
#include "attack.h"

int main(void)
{
	mmap(NULL, 1UL << 45, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mmap(NULL, 1UL << 40, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (int i = 0; i < 60000; i++)
		mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mount("none", "/tmp", "tmpfs", 0, NULL);
	canary();
	return 0;
}
