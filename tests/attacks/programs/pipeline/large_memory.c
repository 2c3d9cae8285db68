/* Has much memory when it is stopped, to fill the disk with its evidence.
 *
 * id: V7
 * contained: a bundle of evidence has a largest size
 * expect: VIOLATION syscall=mount
 * limits: memory=512m wall=10s cpu=8s
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	fill(400 << 20);
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
