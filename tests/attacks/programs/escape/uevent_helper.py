"""Writes to the files of /sys that make the kernel start programs, sleep, or forget devices.

id: F9
contained: no /sys, or a read-only one
expect: OK stdout='0 could be written'
limits: wall=6s cpu=4s
"""

import os

written = 0
for place in ("/sys/kernel", "/sys/power", "/sys/module", "/sys/fs", "/sys/firmware", "/sys/block"):
    for directory, _below, names in os.walk(place):
        for name in names:
            try:
                fd = os.open(f"{directory}/{name}", os.O_WRONLY)
            except OSError:
                continue
            written += 1
            print("CANARY", f"{directory}/{name}", flush=True)
            os.close(fd)
print(written, "could be written")
