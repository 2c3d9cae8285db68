/* Gives the forbidden call pointers to nothing, to the end of a page, and to the kernel.
 *
 * id: V5
 * contained: arguments are read from outside, up to a bound; what can't be read is told so
 * expect: VIOLATION syscall=mount
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(pages != MAP_FAILED, "mmap");
	munmap(pages + 4096, 4096);
	memset(pages, 'x', 4096);
	mount((void *)1, pages + 4090, (void *)0xffffffff81000000UL, ~0UL, (void *)-1L);
	canary();
	return 0;
}
