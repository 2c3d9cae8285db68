"""Act as root of the caller's own user namespace, on files that boxes made.

An ordinary user's box gives files to subordinate ids; outside, that user may neither look into such
directories nor remove them. A process with the same id maps may.

Kernel: user_namespaces(7).
"""

import errno
import os
import sys

from wardian import errors
from wardian.engine import kept
from wardian.engine.streams import PIPE, Streams
from wardian.kernel import idmap, overlay, paths, probe
from wardian.runtime import failure, launch, plan
from wardian.runtime.host import Host
from wardian.runtime.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.kernel.overlay import Change

DENIED = (errno.EACCES, errno.EPERM)

LIST_CHANGES = """
import os, sys
sys.path.insert(0, sys.argv[1])
from wardian.engine import kept
for change in kept.diff(sys.argv[2], root_dir=sys.argv[3]):
    os.write(1, os.fsencode(change.kind + change.path) + b"\\0")
"""


def remove_tree(path: str) -> None:
    """Remove a directory, also one that holds files of subordinate ids."""
    try:
        paths.remove_tree(path)
    except errors.KernelError as error:
        if error.errno not in DENIED or probe.facts().is_privileged:
            raise
        run(["rm", "-rf", "--one-file-system", "--", path])


def diff(name: str, root_dir: str) -> "list[Change]":
    """Return a kept layer's changes, also over an image, or with directories of other ids."""
    if kept.inspect(name, root_dir=root_dir).base.startswith(kept.IMAGE):
        from wardian.engine import image_kept

        return image_kept.diff(name, root_dir)
    try:
        return kept.diff(name, root_dir=root_dir)
    except errors.KernelError as error:
        if error.errno not in DENIED or probe.facts().is_privileged:
            raise
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    arguments = [sys.executable, "-I", "-S", "-c", LIST_CHANGES, package, name, root_dir]
    rows = os.fsdecode(run(arguments)).split("\0")[:-1]
    return [overlay.Change(row[0], row[1:]) for row in rows]


def run(arguments: "list[str]") -> bytes:
    """Run a program of the host with the id maps of the caller's boxes; returns what it printed.

    Raises:
        HostError: it could not be started or failed.
    """
    facts = probe.facts()
    maps = idmap.rootless_maps(facts.uid, facts.gid)
    host = Host(ids="range" if maps.helper else "single")
    steps = (
        Step("clone", (plan.CLONE_NEWUSER,), "the caller's own user namespace"),
        *plan.identity(host, plan.CLONE_NEWUSER),
        Step("session", (), "away from the terminal"),
        Step("stdio", (), "its output comes to us"),
        Step("exec", (arguments[0], tuple(arguments), ("PATH=/usr/bin:/bin",)), "the program"),
    )
    made = plan.Plan(steps, plan.CLONE_NEWUSER)
    bindings: dict[str, str | bytes] = {"$uid_map": maps.uid_map, "$gid_map": maps.gid_map}
    streams, theirs = Streams(), list[int]()
    try:
        stdio = [streams.endpoint(number, PIPE, theirs) for number in range(3)]
        started = launch.request(made.encode(bindings), stdio, clone_flags=made.clone_flags)
        started.start(lambda pid: idmap.write_maps(pid, maps)) if made.waits else started.start()
    except launch.ReportedError as found:
        raise failure.describe(found, made) from None
    finally:
        streams.close_stdin()
        for fd in theirs:
            os.close(fd)
    for fd in list(streams.outputs):
        os.set_blocking(fd, True)
        while fd in streams.outputs:
            streams.collect(fd)
    outcome = started.wait()
    started.close()
    if outcome is None or outcome.status != 0:
        said = b"".join(streams.chunks["stderr"]).decode("utf-8", "replace").strip()
        raise errors.HostError(f'"{arguments[0]}" in the user namespace failed: {said}')
    return b"".join(streams.chunks["stdout"])
