/* Looks for a directory of the host among inherited descriptors, and for a working directory outside of the root
 * (CVE-2024-21626).
 *
 * id: F2
 * contained: every descriptor is closed before the program starts; the working directory is inside of the root
 * expect: OK stdout='nothing leaked'
 * argv: {program} {secret}
 */
#include "attack.h"

int main(int argc, char **argv)
{
	char path[PATH_MAX + 64];
	int found = 0;

	(void)argc;
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d/../../../../../../../..%s", fd, argv[1]);
		found += open(path, O_RDONLY) >= 0;
		snprintf(path, sizeof path, "../../../../../../../..%s", argv[1]);
		found += openat(fd, path, O_RDONLY) >= 0;
	}
	found += open(path, O_RDONLY) >= 0;
	snprintf(path, sizeof path, "/proc/self/cwd/../../../../../../../..%s", argv[1]);
	found += open(path, O_RDONLY) >= 0;
	if (found)
		canary();
	else
		say("nothing leaked");
	return 0;
}
