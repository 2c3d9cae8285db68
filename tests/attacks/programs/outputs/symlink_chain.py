"""Reaches a file of the host by links to links, absolute, relative, and through /proc.

id: C2
contained: no link is followed, at no place of a path
expect: OK
argv: python3 {program} {secret}
outputs: a.txt b.txt c.txt d.txt
output: a.txt refused
output: b.txt refused
output: c.txt refused
output: d.txt refused
"""

import os
import sys

os.symlink("b.txt", "a.txt")
os.symlink("../" * 40 + sys.argv[1][1:], "b.txt")
os.symlink("/proc/self/root" + sys.argv[1], "c.txt")
os.symlink("/proc/1/environ", "d.txt")
