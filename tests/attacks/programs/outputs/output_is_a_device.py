"""Makes its output a link to a device that never ends, to its own memory, and to the kernel's.

id: C15
contained: no link is followed
expect: OK
outputs: zero memory kernel tty
output: zero refused
output: memory refused
output: kernel refused
output: tty refused
"""

import os

os.symlink("/dev/zero", "zero")
os.symlink("/proc/self/mem", "memory")
os.symlink("/proc/kcore", "kernel")
os.symlink("/dev/tty", "tty")
