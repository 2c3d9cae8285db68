/* Sends a descriptor through its standard streams, in the hope that one of them is a socket of the supervisor.
 *
 * id: S79
 * contained: standard streams are pipes
 * expect: OK 'stdout=refused: ENOTSOCK'
 */
#include "attack.h"

int main(void)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { "x", 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int root = open("/", O_RDONLY | O_DIRECTORY);
	long sent = -1;

	*head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof root) };
	memcpy(CMSG_DATA(head), &root, sizeof root);
	for (int fd = 0; fd < 3; fd++)
		if (sendmsg(fd, &message, 0) >= 0)
			sent = 0;
	return refused(sent);
}
