/* Writes to both streams by turns, a byte each: the most work for the reader.
 *
 * id: R41
 * contained: the reader counts; its work is bounded by the limits
 * expect: OUTPUT limit=output_bytes
 * or: CPU_TIME -- a system call for a byte costs time
 * limits: cpu=3s wall=6s
 */
#include "attack.h"

int main(void)
{
	while (write(1, "", 1) > 0 && write(2, "", 1) > 0)
		;
	return 0;
}
