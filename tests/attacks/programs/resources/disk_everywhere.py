"""Looks for any directory that it may write to, and writes there for ever.

id: R31
contained: each writable place is bounded, and counts in the control group's memory or in the disk's size
expect: DISK
or: MEMORY -- pages of a tmpfs count
or: OK stdout=full -- what it has written may be gone
limits: wall=8s cpu=6s
"""

import os

written = 0
block = bytes(1 << 20)
for directory, below, _files in os.walk("/"):
    if directory.startswith(("/proc", "/sys", "/usr")):
        below.clear()
        continue
    if not os.access(directory, os.W_OK):
        continue
    try:
        for number in range(1 << 20):
            with open(f"{directory}/hoard{number}", "xb") as file:
                file.write(block)
            written += len(block)
            if written > 1 << 30:
                print("CANARY", flush=True)
                raise SystemExit
    except OSError:
        pass
print("full")
