/* Maps the first page of memory, where a fault of the kernel would find the attacker's code.
 *
 * id: F28
 * contained: vm.mmap_min_addr, which only a capability passes
 * expect: OK 'stdout=refused: E(PERM|ACCES|INVAL)'
 */
#include "attack.h"

int main(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return refused(page == MAP_FAILED ? -1 : 0);
}
