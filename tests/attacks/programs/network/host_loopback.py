"""Looks for services of the host on its loopback address.

id: N22
contained: of all socket families the policy knows AF_UNIX alone
expect: VIOLATION syscall=socket
argv: python3 {program} {port}
"""

import socket
import sys

print("CANARY", socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1).recv(9))
