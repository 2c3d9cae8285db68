/* Faults for ever: its handler returns to the instruction that faulted. The kernel may write a line for each.
 *
 * id: R63
 * contained: processor time; a fault that is handled leaves no line
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s
 */
#include "attack.h"

static void nothing(int number)
{
	(void)number;
}

int main(void)
{
	signal(SIGSEGV, nothing);
	*(volatile int *)8 = 1;
	canary();
	return 0;
}
