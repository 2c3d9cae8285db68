/* Mounts a v1 control group hierarchy to set its release_agent.
 *
 * id: F8
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mount
 */
#include "attack.h"

int main(void)
{
	mkdir("groups", 0700);
	mount("cgroup", "groups", "cgroup", 0, "rdma");
	canary();
	return 0;
}
