"""Makes the directory of its output a link to a directory of the host.

id: C3
contained: no link is followed, at no place of a path
expect: OK
argv: python3 {program} {directory}
outputs: there/secret up/secret
output: there/secret refused
output: up/secret refused
"""

import os
import sys

os.symlink(sys.argv[1], "there")
os.symlink("../" * 40 + sys.argv[1][1:], "up")
