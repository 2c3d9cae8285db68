/* Spends its time inside of the kernel, not in its own code.
 *
 * id: R47
 * contained: system time counts as well as user time
 * expect: CPU_TIME limit=cpu_s
 * limits: cpu=0.3s wall=10s
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	int fd = open("/dev/zero", O_RDONLY);

	need(fd >= 0, "open /dev/zero");
	while (read(fd, block, sizeof block) > 0)
		;
	return 0;
}
