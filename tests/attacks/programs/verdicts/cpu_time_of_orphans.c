/* Has its work done by orphans, whose time no wait of a parent shows.
 *
 * id: T28
 * contained: the group's time has everybody's
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s wall=10s
 */
#include "attack.h"

int main(void)
{
	if (fork() == 0) {
		if (fork() > 0)
			_exit(0);
		setsid();
		for (;;)
			__asm__ volatile("");
	}
	for (;;)
		pause();
}
