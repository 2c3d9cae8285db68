"""Starts itself again and again with more arguments, until the kernel refuses.

id: R52
contained: the kernel's limit of arguments, which follows the stack's
expect: OK stdout='refused: E2BIG'
"""

import errno
import os
import sys

try:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 17
    words = ["x" * 100_000] * (size // 100_000)
    os.execv(sys.executable, [sys.executable, "-I", "-S", sys.argv[0], str(size * 4), *words])
except OSError as error:
    print("refused:", errno.errorcode[error.errno or 0])
