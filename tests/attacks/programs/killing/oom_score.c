/* Tells the kernel to kill anybody else first when memory is short.
 *
 * id: P21
 * contained: a lower score needs a capability
 * expect: OK 'stdout=refused: E(ACCES|PERM|ROFS|NOENT)'
 */
#include "attack.h"

int main(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0)
		return refused(-1);
	return refused(write(fd, "-1000", 5));
}
