"""Gives its largest file the names of all its outputs, and makes others of holes: together more than its disk.

id: C22
contained: all outputs together are no more than the disk could hold
expect: OK
outputs: a b c d e f g h
output: c refused
output: h refused
limits: disk=16m file-size=16m
"""
import os

with open("a", "wb") as file:
    file.write(b"x" * (7 << 20))
for name in "bcd":
    os.link("a", name)
for name in "efgh":
    with open(name, "wb") as file:
        file.truncate(15 << 20)
