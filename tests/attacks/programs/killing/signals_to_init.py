"""Sends every signal to process 1, and to all, in the hope of a handler that ends it before it can tell.

id: P23
contained: what has no handler is not delivered to the first process of a pid namespace
expect: OK stdout=alive
"""

import os
import signal
import time

for number in range(1, 65):
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass  # the C library's own
    try:
        os.kill(1, number)
    except (PermissionError, ProcessLookupError, OSError):
        pass
try:
    os.kill(-1, signal.SIGINT)  # all but init, and but itself
except ProcessLookupError:
    pass
time.sleep(0.3)
print("alive")
