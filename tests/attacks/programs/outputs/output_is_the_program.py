"""Deletes and replaces the files that it was given, links its output to one, and runs again.

id: C17
contained: each run has fresh copies of its files; the caller's own are never touched
expect: OK stdout=given
files: input.txt=given
outputs: input.txt
output: input.txt any
runs: 2
"""

import os

with open("input.txt", encoding="utf-8") as file:
    print(file.read())
try:
    os.remove("input.txt")
    os.symlink("/etc/passwd", "input.txt")
except OSError:
    pass
