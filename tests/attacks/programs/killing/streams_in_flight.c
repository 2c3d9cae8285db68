/* Leaves its output, its directory and a lock in cycles of sockets, by every way that there is: they outlive all processes.
 *
 * id: P26
 * contained: whoever reads does not wait for the end of the streams; a network namespace with sockets is not used again
 * expect: OK 'stdout=sent'
 * runs: 3
 */
#include "attack.h"

#include <sys/file.h>
#include <sys/un.h>

static void pass(int by, int count, const int *what, int flags)
{
	union {
		char space[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr rights;
	} control = { .rights = { CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec bytes = { "x", 1 };
	struct msghdr header = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control };

	header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	memcpy(CMSG_DATA(&control.rights), what, count * sizeof(int));
	sendmsg(by, &header, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

int main(void)
{
	struct sockaddr_un name = { AF_UNIX, "\0left-by-the-run-before" };
	socklen_t size = sizeof(sa_family_t) + 23;
	int pair[2], file = open("file", O_RDWR | O_CREAT, 0600), here = open(".", O_RDONLY), null = open("/dev/null", O_RDONLY);

	if (flock(null, LOCK_EX | LOCK_NB) < 0)
		canary();
	ftruncate(file, 1 << 20);
	memset(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), 's', 1 << 20);
	/* a connection that nobody has accepted carries the socket that listens for it */
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (void *)&name, size) < 0)
		canary();
	listen(listener, 5);
	connect(client, (void *)&name, size);
	int all[] = { listener, client, 1, 2, file, here, null };
	pass(client, 7, all, 0);
	pass(client, 7, all, MSG_OOB);
	for (int kind = SOCK_STREAM; kind <= SOCK_DGRAM; kind++) {
		socketpair(AF_UNIX, kind, 0, pair);
		int both[] = { pair[0], pair[1], listener, 1, 2, file, here, null };
		pass(pair[0], 8, both, 0);
		pass(pair[1], 8, both, kind == SOCK_STREAM ? MSG_OOB : 0);
	}
	say("sent");
	return 0;
}
