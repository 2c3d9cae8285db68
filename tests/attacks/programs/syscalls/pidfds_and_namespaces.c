/* Opens every namespace that it sees, and asks pidfds for those of process 1 and for what they know of it.
 *
 * id: S85
 * contained: no ioctl of theirs is in the policy, and none can be joined
 * expect: VIOLATION syscall=setns
 */
#include "attack.h"

int main(void)
{
	const char *names[] = { "mnt", "net", "pid", "user", "uts", "ipc", "cgroup", "time" };
	char path[64], info[64] = { 64 };
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

	for (int command = 0; command < 16; command++)
		if (ioctl(pidfd, 0xFF00 + command, info) >= 0 || ioctl(pidfd, 0xC040FF00 + command, info) >= 0)
			canary();
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "/proc/1/ns/%s", names[i]);
		if (open(path, O_RDONLY) >= 0)
			canary();
		snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		int fd = open(path, O_RDONLY);
		for (int command = 1; command < 12; command++)
			if (ioctl(fd, 0xb700 + command, info) >= 0)
				canary();
	}
	syscall(SYS_setns, pidfd, CLONE_NEWNS);
	canary();
	return 0;
}
