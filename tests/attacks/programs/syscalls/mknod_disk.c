/* Makes the node of a disk, to read the host's files from it.
 *
 * id: S21
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mknodat
 * or: VIOLATION syscall=mknod -- libcs differ in which of the two they call
 */
#include "attack.h"

int main(void)
{
	mknod("disk", S_IFBLK | 0600, 254 << 8);
	canary();
	return 0;
}
