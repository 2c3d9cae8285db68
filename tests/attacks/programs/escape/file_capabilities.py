r"""Gives a program of its own every capability, by the attribute that the kernel reads at execve.

id: F13
contained: the attribute needs a capability, and no_new_privs ignores it
expect: OK 'stdout=refused: E\w+'
or: VIOLATION syscall=setxattr -- a policy may refuse it at once
"""

import errno
import os
import shutil

shutil.copy("/bin/true", "mine")
try:
    os.setxattr("mine", "security.capability", bytes.fromhex("0100000200" + "ffffffff00000000" * 2)[:20])
    print("CANARY", flush=True)
except OSError as error:
    print("refused:", errno.errorcode[error.errno or 0])
