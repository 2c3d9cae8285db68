"""Leaves files wherever it may write, and looks for those of the run before.

id: I5
contained: a fresh writable layer for each run
expect: OK stdout='nothing found'
runs: 3
"""

import os

NAME = "wardian-attack-was-here"
for directory, below, names in os.walk("/"):
    if directory.startswith(("/proc", "/sys", "/usr")):
        below.clear()
        continue
    if NAME in names:
        print("CANARY", directory, flush=True)
    try:
        with open(f"{directory}/{NAME}", "x", encoding="utf-8"):
            pass
    except OSError:
        pass
print("nothing found")
