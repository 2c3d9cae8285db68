/* Opens the machine's memory, ports, log and disks by their names in /dev.
 *
 * id: F10
 * contained: /dev has null, zero, full, random and urandom, and little more
 * expect: OK stdout='0 opened'
 */
#include "attack.h"

int main(void)
{
	const char *names[] = { "mem", "kmem", "port", "kmsg", "sda", "vda", "vdb", "nvme0n1", "loop0", "loop-control", "dm-0",
		"mapper/control", "fuse", "kvm", "net/tun", "vhost-vsock", "vhost-net", "uinput", "input/event0", "snapshot",
		"cpu_dma_latency", "hpet", "rtc0", "watchdog", "autofs", "btrfs-control", "userfaultfd", "udmabuf", "tty0",
		"tty1", "ttyS0", "console", "ptmx", "vcs", "vcsa1", "mei0", "dri/card0", "cuse", "raw/rawctl", "bsg", "sg0" };
	int opened = 0;
	char path[64];

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "/dev/%s", names[i]);
		if (open(path, O_RDWR | O_NONBLOCK) >= 0 || open(path, O_RDONLY | O_NONBLOCK) >= 0) {
			say("%s", path);
			opened++;
		}
	}
	if (opened)
		canary();
	say("%d opened", opened);
	return 0;
}
