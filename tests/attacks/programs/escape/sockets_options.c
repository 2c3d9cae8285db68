/* Goes through all options of unix sockets that may do something to the machine: forced buffers, marks, devices, filters,
 * busy polling, and passes descriptors of every kind to itself.
 *
 * id: F31
 * contained: forced ones need a capability; filters are forbidden
 * expect: VIOLATION syscall=setsockopt
 */
#include "attack.h"

int main(void)
{
	int pair[2], one = 1 << 30;
	int forced[] = {SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_MARK, SO_BUSY_POLL, SO_BINDTODEVICE};

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &one, sizeof one);
	for (unsigned i = 0; i < 2; i++)
		if (setsockopt(pair[0], SOL_SOCKET, forced[i], &one, sizeof one) == 0)
			canary();
	setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_BPF, &pair[1], sizeof pair[1]);
	canary();
	return 0;
}
