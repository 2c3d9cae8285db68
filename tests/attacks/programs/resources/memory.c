/* Touches memory until there is no more.
 *
 * id: R10
 * contained: the control group's memory limit; the kernel's count of kills is the proof
 * expect: MEMORY limit=memory_bytes
 */
#include "attack.h"

int main(void)
{
	for (long mebibytes = 0; mebibytes < 4096; mebibytes++)
		fill(1 << 20);
	canary();
	return 0;
}
