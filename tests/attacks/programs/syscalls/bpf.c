/* Loads a BPF program into the kernel.
 *
 * id: S25
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=bpf
 */
#include "attack.h"

int main(void)
{
	char attributes[128] = { 0 };
	syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, attributes, sizeof attributes);
	canary();
	return 0;
}
