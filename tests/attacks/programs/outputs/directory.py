"""Makes its output a directory.

id: C5
contained: what is collected is a regular file
expect: OK
outputs: out.txt
output: out.txt refused
"""

import os

os.mkdir("out.txt")
