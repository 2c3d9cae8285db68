"""Makes its output a link to itself.

id: C8
contained: no link is followed
expect: OK
outputs: out.txt a/b
output: out.txt refused
output: a/b refused
"""

import os

os.symlink("out.txt", "out.txt")
os.symlink("a", "a")
