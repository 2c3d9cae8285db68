/* Opens a file of the host by its handle, without any path ("shocker").
 *
 * id: S19
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=open_by_handle_at
 */
#include "attack.h"

int main(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[8];
	} handle = { .head = { .handle_bytes = 8, .handle_type = 1 }, .bytes = { 2 } };
	int mount = open("/", O_RDONLY);
	open_by_handle_at(mount, &handle.head, O_RDONLY);
	canary();
	return 0;
}
