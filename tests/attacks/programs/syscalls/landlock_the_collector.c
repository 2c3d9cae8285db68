/* Shuts its files away by Landlock, and seals its memory, so that whoever collects them can't get at them.
 *
 * id: S80
 * contained: Landlock binds the program alone; the collector reads the file all the same
 * expect: OK
 * or: VIOLATION syscall=landlock_create_ruleset -- a policy that refuses it has no such question
 * outputs: out.txt
 * output: out.txt kept
 */
#include "attack.h"

int main(void)
{
	uint64_t rules[3] = { 0x1fff, 0, 0 };
	int fd = open("out.txt", O_CREAT | O_WRONLY, 0600);

	need(fd >= 0 && write(fd, "kept", 4) == 4, "write out.txt");
	int ruleset = (int)syscall(444 /* landlock_create_ruleset */, rules, 8, 0);
	if (ruleset >= 0)
		syscall(446 /* landlock_restrict_self */, ruleset, 0);
	return 0;
}
