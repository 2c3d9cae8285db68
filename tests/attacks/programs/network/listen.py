"""Listens on every address, to be a server on the host.

id: N18
contained: of all socket families the policy knows AF_UNIX alone
expect: VIOLATION syscall=socket
"""

import socket

socket.create_server(("0.0.0.0", 8080)).accept()
print("CANARY")
