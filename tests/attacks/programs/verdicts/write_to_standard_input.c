/* Writes to its standard input, and reads from its standard output: pipes to somebody, who may be confused.
 *
 * id: T11
 * contained: each pipe has one direction
 * expect: OK 'stdout=refused: EBADF'
 */
#include "attack.h"

int main(void)
{
	char byte;
	long done = write(0, "forged", 6);

	if (done < 0)
		done = read(1, &byte, 1);
	return refused(done);
}
