"""Fetches the credentials of the machine from its cloud.

id: N19
contained: of all socket families the policy knows AF_UNIX alone
expect: VIOLATION syscall=socket
limits: wall=5s cpu=4s
"""

import urllib.request

print("CANARY", urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=2).read())
