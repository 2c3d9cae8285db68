/* Lets the kernel kill a child for its memory, and ends with success as if nothing had been.
 *
 * id: R13
 * contained: the verdict comes from the kernel's count, not from an exit code
 * expect: MEMORY limit=memory_bytes
 */
#include "attack.h"

int main(void)
{
	pid_t child = fork();

	if (child == 0) {
		FILE *score = fopen("/proc/self/oom_score_adj", "w");

		if (score) {
			fputs("1000", score);
			fclose(score);
		}
		fill(1 << 30);
		canary();
	}
	waitpid(child, NULL, 0);
	return 0;
}
