/* Raises its stack to no limit at all, and uses it for memory.
 *
 * id: R51
 * contained: the hard limit can't be raised, and the stack's pages count in the group
 * expect: SIGNAL signal=SIGSEGV
 * or: MEMORY -- the stack's pages count
 * or: VIOLATION syscall=prlimit64 -- a policy may refuse new limits
 */
#include "attack.h"

__attribute__((noinline, optimize("O0"))) static int deeper(int depth)
{
	volatile char frame[1 << 20];

	for (int i = 0; i < 1 << 20; i += 4096)
		frame[i] = (char)depth;
	return depth > 4096 ? 0 : deeper(depth + 1) + frame[0];
}

int main(int argc, char **argv)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_STACK, &limit);
	if (argc == 1)
		execl("/proc/self/exe", argv[0], "again", NULL);
	deeper(0);
	canary();
	return 0;
}
