/* Computes for ever.
 *
 * id: R44
 * contained: processor time of the group
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s wall=10s
 */
#include "attack.h"

int main(void)
{
	for (;;)
		__asm__ volatile("");
}
