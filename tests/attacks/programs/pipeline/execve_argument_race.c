/* Changes the path of a forbidden call while it is looked at, to have a harmless one reported.
 *
 * id: V23
 * contained: nothing is allowed by what a pointer points to; what is reported is what was there when it was looked at
 * expect: VIOLATION syscall=mount
 * compile: -pthread
 */
#include "attack.h"

static char path[16] = "/evil";

static void *flip(void *nothing)
{
	for (unsigned i = 0;; i++)
		memcpy(path, i & 1 ? "/evil" : "/good", 6);
	return nothing;
}

int main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, flip, NULL);
	mount(path, path, "tmpfs", 0, NULL);
	canary();
	return 0;
}
