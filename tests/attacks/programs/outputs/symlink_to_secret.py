"""Puts a symbolic link to a file of the host where its output is looked for.

id: C1
contained: a name is never followed: what is collected is a regular file
expect: OK
argv: python3 {program} {secret}
outputs: out.txt
output: out.txt refused
"""

import os
import sys

os.symlink(sys.argv[1], "out.txt")
