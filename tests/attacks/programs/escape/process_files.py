"""Writes to every file of /proc that lets it, its own and those of process 1: audit identity, name, memory settings.

id: F30
contained: its own are its own; of the others none can be opened, or nothing lies behind them; its login identity, which
    the host's audit log tells, can be nobody's but its own
expect: OK stdout=''
"""

import glob
import os

for path in [*glob.glob("/proc/1/*"), *glob.glob("/proc/1/task/*/*"), *glob.glob("/proc/[a-z]*")]:
    if os.path.islink(path) or not os.path.isfile(path):
        continue  # a device lies over what is masked
    try:
        with open(path, "wb", buffering=0) as file:
            file.write(b"1\n")
        print("CANARY", path)
    except OSError:
        pass
for identity in (b"0", b"1001", b"65534", b"4294967294"):
    if int(identity) == os.getuid():
        continue
    try:
        with open("/proc/self/loginuid", "wb", buffering=0) as file:
            file.write(identity)
        print("CANARY loginuid", identity)
    except OSError:
        pass
