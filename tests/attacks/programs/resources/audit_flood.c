/* Makes refused calls as fast as it can: each may be a line in the kernel's log and in the audit log of the host.
 *
 * id: R62
 * contained: a quiet refusal is quiet for the kernel's log too: forbidden calls alone leave a record
 * expect: OK stdout=quiet
 */
#include "attack.h"

#include <sys/inotify.h>

int main(void)
{
	double start = now();

	for (int i = 0; i < 20000; i++)
		inotify_init();
	/* a record costs microseconds, a refusal 0.1 */
	say(now() - start > 0.05 ? "CANARY: loud: %.0f ns" : "quiet", (now() - start) / 20000 * 1e9);
	return 0;
}
