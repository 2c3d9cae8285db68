/* Watches the whole machine by perf events.
 *
 * id: S26
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=perf_event_open
 */
#include "attack.h"

int main(void)
{
	char attributes[128] = { 0 };
	syscall(SYS_perf_event_open, attributes, -1, 0, -1, 0);
	canary();
	return 0;
}
