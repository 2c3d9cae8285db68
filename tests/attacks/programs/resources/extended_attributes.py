r"""Keeps data in extended attributes, which no size of a file shows.

id: R38
contained: a tmpfs has no user attributes, or they are bounded and count
expect: OK 'stdout=refused: E\w+'
or: MEMORY -- they are memory of the kernel
or: DISK -- they may be space of the disk
or: VIOLATION syscall=setxattr -- a policy may refuse it at once
"""

import errno
import os

with open("file", "x", encoding="utf-8"):
    pass
try:
    for number in range(100000):
        os.setxattr("file", f"user.{number}", bytes(60000))
    print("CANARY", flush=True)
except OSError as error:
    print("refused:", errno.errorcode[error.errno or 0])
