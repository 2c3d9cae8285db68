/* Reads the memory of process 1 of its box.
 *
 * id: P13
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=process_vm_readv
 */
#include "attack.h"

int main(void)
{
	char data[16];
	struct iovec here = { data, sizeof data }, there = { (void *)0x400000, sizeof data };

	process_vm_readv(1, &here, 1, &there, 1, 0);
	canary();
	return 0;
}
