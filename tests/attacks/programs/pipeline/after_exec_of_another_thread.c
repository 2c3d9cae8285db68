/* Makes the forbidden call in one thread while another one executes a new program, which ends the first.
 *
 * id: V12
 * contained: the notification is on its way before the thread can be ended; a call that was withdrawn never happened
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=interrupted -- it may be called off before it is read
 * or: OK stdout=another -- the thread may be ended before it has made the call
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
	execl("/bin/echo", "echo", "another", NULL);
	return 0;
}
