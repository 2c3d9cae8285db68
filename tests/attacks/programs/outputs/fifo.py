"""Makes its output a FIFO: whoever opens it waits for ever.

id: C4
contained: opened without waiting, and refused, since it is no regular file
expect: OK
outputs: out.txt
output: out.txt refused
"""

import os

os.mkfifo("out.txt")
