/* Writes to its standard output for ever.
 *
 * id: R39
 * contained: the reader counts, and ends the run at the limit
 * expect: OUTPUT limit=output_bytes
 */
#include "attack.h"

int main(void)
{
	static char line[65536];

	memset(line, 'y', sizeof line);
	while (write(1, line, sizeof line) > 0)
		;
	return 0;
}
