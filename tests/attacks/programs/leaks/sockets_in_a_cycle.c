/* Leaves sockets that hold each other, in flight: the kernel takes them apart some time after the run, and until then
 * their abstract names are taken.
 *
 * id: I23
 * contained: a network namespace with a socket in it is not used for another run
 * expect: OK stdout='nothing found'
 * runs: 5
 */
#include "attack.h"

#include <sys/un.h>

static void send_three(int through, const int fds[3])
{
	char space[CMSG_SPACE(3 * sizeof(int))] = { 0 };
	struct iovec byte = { "x", 1 };
	struct msghdr message = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(3 * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, 3 * sizeof(int));
	need(sendmsg(through, &message, 0) == 1, "sendmsg");
}

int main(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char line[256];
	FILE *sockets = fopen("/proc/net/unix", "r");

	need(sockets != NULL, "/proc/net/unix");
	while (fgets(line, sizeof line, sockets))
		if (strchr(line, '@'))
			canary();
	fclose(sockets);
	for (int i = 0; i < 16; i++) {
		int fds[3] = { -1, -1, socket(AF_UNIX, SOCK_DGRAM, 0) };
		int length = snprintf(name.sun_path + 1, 32, "left-%d", i);

		need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
		if (bind(fds[2], (void *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + length) < 0)
			canary();
		send_three(fds[0], fds);
		send_three(fds[1], fds);
		for (int j = 0; j < 3; j++)
			close(fds[j]);
	}
	say("nothing found");
	return 0;
}
