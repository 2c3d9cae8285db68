"""Makes its output a directory with thousands of files of the same name as others.

id: C18
contained: only names that were asked for are collected; a directory is none
expect: OK
or: DISK -- the inodes may be used up
outputs: out.txt out.txt/0
output: out.txt refused
output: out.txt/0 any
"""

import os

os.mkdir("out.txt")
try:
    for number in range(100000):
        with open(f"out.txt/{number}", "x", encoding="utf-8"):
            pass
except OSError:
    pass
