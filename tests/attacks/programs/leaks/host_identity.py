"""Asks for the host's name, machine id, addresses, users and hardware serial numbers.

id: I14
contained: a host name of its own, no network, a scrubbed /etc, masked /sys
expect: OK stdout='nothing found'
argv: python3 {program} {hostname}
"""

import glob
import os
import sys

if os.uname().nodename == sys.argv[1]:
    print("CANARY host name", flush=True)
for place in ("/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/shadow", "/etc/ssh/ssh_host_ed25519_key",
              "/sys/class/dmi/id/product_serial", "/sys/class/dmi/id/product_uuid", "/root/.bashrc", "/etc/fstab"):
    try:
        with open(place, encoding="utf-8", errors="replace") as file:
            if file.read().strip():
                print("CANARY", place, flush=True)
    except OSError:
        pass
for place in glob.glob("/home/*/*") + glob.glob("/root/*"):
    print("CANARY", place, flush=True)
print("nothing found")
