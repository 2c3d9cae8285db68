"""The messages between Python and the launcher, byte by byte; launcher/README.md explains them."""

import _struct as struct  # built in: a file less to look for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

REQUEST = struct.Struct("<IIQIIIIII")
REQUEST_MAGIC = 0x51525744
REQUEST_VERSION = 2
MESSAGE = struct.Struct("<IiQQQ")
STARTED, CONSOLE, STATUS, EXITED, FAILED, LISTENER, WAITING = 1, 2, 3, 4, 5, 6, 7
FAILURE = struct.Struct("<Ii248s")
DESCRIPTOR = struct.Struct("i")


def pack_descriptors(fds: "Sequence[int]") -> bytes:
    """Return descriptors as SCM_RIGHTS takes them (unix(7))."""
    return struct.pack(f"{len(fds)}i", *fds)
