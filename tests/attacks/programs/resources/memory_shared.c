/* Touches shared memory, which belongs to no process alone.
 *
 * id: R11
 * contained: the control group's memory limit counts shared pages
 * expect: MEMORY limit=memory_bytes
 */
#include "attack.h"

int main(void)
{
	char *all = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	need(all != MAP_FAILED, "mmap");
	memset(all, 1, 1UL << 30);
	canary();
	return 0;
}
