/* Puts a key into a keyring, where the next run may find it.
 *
 * id: S44
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=add_key
 */
#include "attack.h"

int main(void)
{
	syscall(SYS_add_key, "user", "wardian-attack", "payload", 7, -4 /* the user's keyring */);
	canary();
	return 0;
}
