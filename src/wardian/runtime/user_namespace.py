"""Make a user namespace that nobody lives in, for its id maps.

A process of the launcher is born in it, waits until the maps are written and the namespace was
opened, and goes: the descriptor keeps the namespace.

Kernel: user_namespaces(7), ioctl_ns(2).
"""

import os

from wardian.kernel import idmap
from wardian.runtime import launch, plan
from wardian.runtime.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    MapLine = tuple[int, int, int]


def make(uids: "Sequence[MapLine]", gids: "Sequence[MapLine]") -> int:
    """Return a descriptor of a new user namespace with these maps; the caller closes it."""
    made = plan.Plan((Step("wait", (), "maps are written"),), plan.CLONE_NEWUSER)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    found = -1

    def write_and_open(pid: int) -> None:
        nonlocal found
        idmap.write_maps(pid, idmap.Maps(uids, gids, helper=False))
        found = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        raise _GoneError

    request = launch.request(made.encode({}), [null] * 3, clone_flags=made.clone_flags)
    try:
        request.start(write_and_open)
    except _GoneError:
        pass
    finally:
        os.close(null)
    return found


class _GoneError(Exception):
    """The process has done its part."""
