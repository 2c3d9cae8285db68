"""Talks to the daemons of container engines, of the desktop and of the system, by their sockets.

id: F26
contained: their sockets are not in its root, and abstract ones are of another network namespace
expect: OK stdout='nobody answers'
or: VIOLATION syscall=socket -- a policy may refuse sockets at once
or: VIOLATION syscall=connect -- a policy may refuse connections at once
argv: python3 {program} {socket} {abstract}
"""

import socket
import sys

places = ["/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
          "/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/notify", "/tmp/.X11-unix/X0",
          "/run/nscd/socket", "/dev/log", sys.argv[1], "\0" + sys.argv[2], "\0/tmp/.X11-unix/X0"]
for place in places:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            one = socket.socket(socket.AF_UNIX, kind)
            one.connect(place)
        except OSError:
            continue
        print("CANARY", place, flush=True)
print("nobody answers")
