/* Calls itself for ever.
 *
 * id: R50
 * contained: RLIMIT_STACK
 * expect: SIGNAL signal=SIGSEGV
 */
#include "attack.h"

__attribute__((noinline, optimize("O0"))) static int deeper(int depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	return deeper(depth + 1) + frame[0];
}

int main(void)
{
	return deeper(0);
}
