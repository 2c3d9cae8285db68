/* Watches files that all boxes and the host share, to learn from it what others do, and when.
 *
 * id: I21
 * contained: no inotify, no fanotify, and no F_NOTIFY in the policy
 * expect: OK 'stdout=refused: ENOSYS\nrefused: EINVAL\nrefused: EINVAL'
 */
#include "attack.h"

#include <sys/inotify.h>

int main(void)
{
	int watch = inotify_init1(0), root = open("/", O_RDONLY), devices = open("/dev", O_RDONLY);

	if (watch >= 0 && inotify_add_watch(watch, "/dev/null", IN_ALL_EVENTS) >= 0)
		canary();
	refused(watch);
	refused(fcntl(root, F_NOTIFY, DN_ACCESS | DN_MULTISHOT));
	refused(fcntl(devices, F_NOTIFY, DN_ACCESS | DN_MULTISHOT));
	return 0;
}
