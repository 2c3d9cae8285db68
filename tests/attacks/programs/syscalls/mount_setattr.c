/* Takes the read-only flag from every mount at once.
 *
 * id: S10
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mount_setattr
 */
#include "attack.h"

int main(void)
{
	uint64_t attributes[4] = { 0, 1 /* MOUNT_ATTR_RDONLY */, 0, 0 };
	syscall(SYS_mount_setattr, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, attributes, sizeof attributes);
	canary();
	return 0;
}
