/* Asks for the handle of a file, the first half of opening one by handle.
 *
 * id: S20
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=name_to_handle_at
 */
#include "attack.h"

int main(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = { .head = { .handle_bytes = 128 } };
	int id;
	name_to_handle_at(AT_FDCWD, "/", &handle.head, &id, 0);
	canary();
	return 0;
}
