/* Writes to its standard error for ever, and nothing to its standard output.
 *
 * id: R40
 * contained: each stream has its limit
 * expect: OUTPUT limit=output_bytes
 */
#include "attack.h"

int main(void)
{
	static char line[65536];

	memset(line, 'y', sizeof line);
	while (write(2, line, sizeof line) > 0)
		;
	return 0;
}
