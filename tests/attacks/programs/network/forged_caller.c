/* Loads a library of the JVM, or makes a copy of one, and makes internet sockets by a call that seems to come from there.
 *
 * id: N24
 * contained: a library that looks what there is gets a quiet refusal; so does who pretends to be one, a few times
 * expect: VIOLATION syscall=socket
 * or: OK 'stdout=refused: E(AFNOSUPPORT|NOENT)' -- where there is no JVM, or where it is believed
 * machine: x86_64
 */
#include "attack.h"

#include <glob.h>

int main(void)
{
	glob_t found;
	long result = -1;

	errno = ENOENT;
	if (glob("/usr/lib/jvm/*/lib/libnet.so", 0, NULL, &found) != 0)
		return refused(-1);
	int library = open(found.gl_pathv[0], O_RDONLY);
	char *page = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, library, 0);
	need(page != MAP_FAILED, "mmap");
	for (int i = 0; i < 1000; i++) {
		/* the return address on the stack is an address in the library; it is taken off after the call */
		__asm__ volatile("push %[from]\n\tsyscall\n\tadd $8, %%rsp"
				 : "=a"(result)
				 : "a"(SYS_socket), "D"(AF_INET), "S"(SOCK_STREAM), "d"(0), [from] "r"(page + 64)
				 : "rcx", "r11", "memory");
		if (result >= 0)
			canary();
	}
	errno = (int)-result;
	say("refused: %s", strerrorname_np(errno));
	return 0;
}
