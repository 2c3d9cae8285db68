/* Ignores SIGXCPU and every other signal, and computes on.
 *
 * id: R48
 * contained: the end is SIGKILL, by the group
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s wall=10s
 */
#include "attack.h"

int main(void)
{
	for (int number = 1; number < 65; number++)
		signal(number, SIG_IGN);
	for (;;)
		__asm__ volatile("");
}
