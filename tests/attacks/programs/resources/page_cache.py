r"""Reads far more files than its memory limit: the cache is the kernel's to drop, no reason for a verdict.

id: R59
contained: cached pages of files can be reclaimed
expect: OK 'stdout=read \d+ MiB'
limits: wall=10s cpu=8s memory=48m
"""

import os

total = 0
for directory, _below, files in os.walk("/usr/lib"):
    for name in files:
        try:
            with open(f"{directory}/{name}", "rb", buffering=0) as file:
                while data := file.read(1 << 20):
                    total += len(data)
        except OSError:
            pass
        if total > 150 << 20:
            break
    if total > 150 << 20:
        break
print("read", total >> 20, "MiB")
