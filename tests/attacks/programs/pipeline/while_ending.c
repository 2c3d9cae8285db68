/* Makes the forbidden call in one thread while another one ends the process with success.
 *
 * id: V13
 * contained: the notification counts, even if its thread is gone; a call that was withdrawn never happened
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=interrupted -- it may be called off before it is read
 * or: OK -- the thread may be ended before it has made the call
 * compile: -pthread
 */
#include "attack.h"

static volatile int ready;

static void *attack(void *nothing)
{
	ready = 1;
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return nothing;
}

int main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, attack, NULL);
	while (!ready)
		;
	syscall(SYS_exit_group, 0);
}
