/* Computes in children that end before any limit for one process is reached, one after the other.
 *
 * id: R46
 * contained: the time of those that have ended counts
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.4s wall=10s
 */
#include "attack.h"

int main(void)
{
	for (;;) {
		pid_t child = fork();

		if (child == 0) {
			for (double end = now() + 0.02; now() < end;)
				;
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}
