/* Connects a unix socket to the address of an internet host, and sends to it with an address of its own choice.
 *
 * id: N23
 * contained: a socket takes the addresses of its own family alone
 * expect: OK 'stdout=refused: E(INVAL|AFNOSUPPORT|PROTOTYPE|PERM|ACCES|OPNOTSUPP)'
 * or: VIOLATION syscall=socket -- a policy may refuse sockets at once
 * or: VIOLATION syscall=connect -- a policy may refuse connections at once
 */
#include "attack.h"

#include <netinet/in.h>

int main(void)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = 0x5000, .sin_addr = { 0x0100007f } };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd < 0)
		return refused(-1);
	long done = connect(fd, (void *)&there, sizeof there);
	if (done < 0)
		done = sendto(fd, "x", 1, 0, (void *)&there, sizeof there);
	return refused(done);
}
