/* Closes its three streams and opens other files in their place, a thousand times, with success at the end: nobody who
 * reads them may wait for more, or take the end of one for the end of the run.
 *
 * id: T35
 * contained: the end of the run is the end of its first process
 * expect: NONZERO_EXIT code=5 stdout=''
 */
#include "attack.h"

int main(void)
{
	for (int i = 0; i < 1000; i++) {
		close(0), close(1), close(2);
		open("/dev/null", O_RDWR), open("x", O_RDWR | O_CREAT, 0600), open("/dev/zero", O_RDWR);
	}
	return 5;
}
