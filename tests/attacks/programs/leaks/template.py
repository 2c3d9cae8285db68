"""Looks through its own memory and descriptors for what was there before it: sockets, tasks, other runs' files.

id: I24
contained: a run's descriptors are closed before its first line; a channel to its init is none of them
expect: OK 'stdout=nothing found'
runs: 2
"""

import gc
import os
import socket
import sys

for name in os.listdir("/proc/self/fd"):
    try:
        place = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    if int(name) > 2 and place != f"/proc/{os.getpid()}/fd":
        print("CANARY: a descriptor of another's:", place)
for found in gc.get_objects():
    if isinstance(found, socket.socket) and found.fileno() >= 0:
        print("CANARY: a socket that still works")
if "secret of the run before" in vars(sys).values():
    print("CANARY: the run before")
sys.__dict__["left"] = "secret of the run before"
for place in ("/proc/1/mem", "/proc/1/environ", "/proc/1/fd", "/proc/1/maps", "/proc/1/stack"):
    try:
        found = os.listdir(place) if place.endswith("fd") else open(place, "rb").read(64)
        print("CANARY: of init:", place, found)
    except OSError:
        pass
print("nothing found")
