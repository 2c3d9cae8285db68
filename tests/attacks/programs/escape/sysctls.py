"""Writes to every sysctl that it can open.

id: F5
contained: /proc/sys is read-only, and the program is nobody's root
expect: OK stdout='0 could be written'
"""

import os

written = 0
for directory, _below, names in os.walk("/proc/sys"):
    for name in names:
        try:
            fd = os.open(f"{directory}/{name}", os.O_WRONLY)
        except OSError:
            continue
        written += 1
        print("CANARY", f"{directory}/{name}", flush=True)
        os.close(fd)
print(written, "could be written")
