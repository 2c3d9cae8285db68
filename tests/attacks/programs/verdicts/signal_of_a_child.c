/* Lets a child die by a signal, and ends with success: no verdict may mix the two.
 *
 * id: T29
 * contained: the verdict is of the first process
 * expect: OK stdout=fine
 */
#include "attack.h"

int main(void)
{
	pid_t child = fork();

	if (child == 0)
		raise(SIGSEGV);
	waitpid(child, NULL, 0);
	say("fine");
	return 0;
}
