"""Makes its output a unix socket.

id: C6
contained: what is collected is a regular file
expect: OK
or: VIOLATION syscall=socket -- a policy may refuse sockets at once
or: VIOLATION syscall=bind -- a policy may refuse to name sockets
outputs: out.txt
output: out.txt refused
"""

import socket

try:
    socket.socket(socket.AF_UNIX).bind("out.txt")
except OSError:
    import os

    os.mkfifo("out.txt")
