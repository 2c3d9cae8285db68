"""Listens on an abstract socket, and asks the one of the run before.

id: I7
contained: a network namespace of its own for each run
expect: OK stdout='nobody answers'
or: VIOLATION syscall=socket -- a policy may refuse sockets at once
or: VIOLATION syscall=bind -- a policy may refuse to name sockets
or: VIOLATION syscall=connect -- a policy may refuse connections
runs: 3
"""

import os
import socket

try:
    socket.socket(socket.AF_UNIX).connect("\0wardian-attack")
    print("CANARY", flush=True)
except OSError:
    pass
try:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0wardian-attack")
    listener.listen()
    if os.fork() == 0:
        os.setsid()
        while True:
            listener.accept()
except OSError:
    pass
print("nobody answers")
