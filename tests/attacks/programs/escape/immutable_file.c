/* Marks a file so that not even its owner can delete it, to outlive the cleaning.
 *
 * id: F23
 * contained: the flag needs a capability; the layer is unmounted, not deleted file by file
 * expect: OK 'stdout=refused: E(PERM|NOTTY|OPNOTSUPP|INVAL)'
 * or: VIOLATION syscall=ioctl -- the filter may know the request
 */
#include "attack.h"

int main(void)
{
	int fd = creat("for-ever", 0600), flags = 0x10 /* FS_IMMUTABLE_FL */;

	need(fd >= 0, "create a file");
	return refused(ioctl(fd, _IOW('f', 2, long), &flags));
}
