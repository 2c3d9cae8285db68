/* Builds chains and fans of epoll descriptors that watch each other, where one event is a thousand wake-ups.
 *
 * id: R66
 * contained: the kernel's bounds of depth, and RLIMIT_NOFILE; processor time
 * expect: OK stdout=''
 * or: CPU_TIME -- each check of a new link walks the others
 * or: WALL_TIME -- the kernel may walk for long
 */
#include "attack.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

int main(void)
{
	int all[100], event = eventfd(0, 0);
	struct epoll_event what = {.events = EPOLLIN};

	for (int i = 0; i < 100; i++)
		all[i] = epoll_create1(0);
	for (int i = 0; i < 100; i++) {
		epoll_ctl(all[i], EPOLL_CTL_ADD, event, &what);
		for (int k = 0; k < 100; k++)
			epoll_ctl(all[i], EPOLL_CTL_ADD, all[k], &what);
	}
	eventfd_write(event, 1);
	epoll_wait(all[99], &what, 1, 10);
	return 0;
}
