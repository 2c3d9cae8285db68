/* Makes the forbidden call inside of a handler, on a stack of its own.
 *
 * id: V20
 * contained: where a call comes from makes no difference
 * expect: VIOLATION syscall=mount
 * evidence: yes
 */
#include "attack.h"

static void attack(int number)
{
	(void)number;
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
}

int main(void)
{
	static char stack[64 << 10];
	stack_t own = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_handler = attack, .sa_flags = SA_ONSTACK };

	sigaltstack(&own, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	canary();
	return 0;
}
