/* Becomes a shell under the policy that has read, write, open and exit alone.
 *
 * id: S83
 * contained: no second program under `strict`
 * expect: VIOLATION syscall=execve
 * policy: strict
 */
#include "attack.h"

int main(void)
{
	char *words[] = { "sh", "-c", "echo CANARY", NULL };

	execv("/bin/sh", words);
	canary();
	return 0;
}
