/* Keeps data and descriptors in the queues of unix sockets, and the sockets in one another.
 *
 * id: R17
 * contained: the limit of open files holds for descriptors on their way too; the pages count in the group
 * expect: OK 'stdout=refused: E(MFILE|AGAIN|PERM|TOOMANYREFS|AFNOSUPPORT)'
 * or: MEMORY -- buffers of sockets count
 * or: VIOLATION syscall=socketpair -- a policy may refuse them at once
 */
#include "attack.h"

static long send_descriptor(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec data = { "x", 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	*head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd) };
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_DONTWAIT);
}

int main(void)
{
	static char block[1 << 16];
	int before = -1, ends[2];

	for (int i = 0; i < 100000; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
			return refused(-1);
		if (before >= 0 && send_descriptor(ends[0], before) < 0)
			return refused(-1);
		while (send(ends[0], block, sizeof block, MSG_DONTWAIT) > 0)
			;
		close(before);
		before = ends[1];
		close(ends[0]);
	}
	canary();
	return 0;
}
