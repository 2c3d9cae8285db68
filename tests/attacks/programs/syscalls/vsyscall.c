/* Calls the kernel at the fixed address of the vsyscall page, which is no system call instruction.
 *
 * id: S77
 * contained: what the page offers (time of day) is harmless, is checked by the filter, or is not there at all
 * expect: OK 'stdout=told the time|nothing there'
 * machine: x86_64
 */
#include "attack.h"

static void nothing(int number)
{
	(void)number;
	say("nothing there");
	_exit(0);
}

int main(void)
{
	struct timeval time = { 0, 0 };
	long (*gettimeofday_there)(struct timeval *, void *) = (void *)0xffffffffff600000UL;

	signal(SIGSEGV, nothing);
	gettimeofday_there(&time, NULL);
	say("told the time");
	return 0;
}
