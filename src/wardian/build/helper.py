"""A process beside the build that sees layers as one tree: this side of it.

Layers can be mounted only in a mount namespace of one's own (and as an ordinary user in a user
namespace too). One such process serves the whole build; it is started by the first step that needs
it, so that a build whose steps are all cached starts none.
"""

import base64
import json
from dataclasses import dataclass, field

from wardian import errors
from wardian.images import snapshots
from wardian.kernel.side_process import PIPE, SideProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_WORKER = "wardian.build.helper_work:serve"
_KINDS: "dict[str, type[errors.WardianError]]" = {
    "SpecError": errors.SpecError,
    "StatusError": errors.StatusError,
    "NotFoundError": errors.NotFoundError,
    "UsageError": errors.UsageError,
}


@dataclass
class Node:
    """What is in a tree under one name.

    Attributes:
        path: without a slash at its start.
        kind: of tar_headers: b"0" a file, b"5" a directory ...
        mode, uid, gid, mtime_ns, size, target, device: as a tar header has them.
        xattrs: likewise.
        offset: of a file's data in the file that `Helper.read` wrote.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int = 0
    target: str = ""
    device: "tuple[int, int]" = (0, 0)
    xattrs: "dict[str, str]" = field(default_factory=dict)
    offset: int = 0

    @property
    def attributes(self) -> "dict[bytes, bytes]":
        """Its extended attributes."""
        return {name.encode(): base64.b64decode(text) for name, text in self.xattrs.items()}


@dataclass(frozen=True)
class Place:
    """Where something would lie in a tree.

    Attributes:
        path: with its links resolved, without a slash at its start; "" for the top.
        above: the directories on the way that are there, the top first, with this one if it is a
            directory.
        kind: what is there now: "directory", "other", "below other", or "" for nothing.
        names: of a directory: what is in it, each "directory", "link" or "other".
    """

    path: str
    above: "list[Node]"
    kind: str
    names: "dict[str, str]" = field(default_factory=dict)


class Helper:
    """The process; started when it is needed first."""

    def __init__(self, root_dir: str) -> None:
        self._root_dir = root_dir
        self._side: SideProcess | None = None

    def _ask(self, operation: str, **words: "Any") -> "Any":
        if self._side is None:
            self._side = SideProcess(_WORKER, [self._root_dir], stdin=PIPE, stdout=PIPE)
        line = json.dumps({"operation": operation, **words}).encode() + b"\n"
        try:
            self._side.stdin.write(line)
            self._side.stdin.flush()
            answer = self._side.stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            side, self._side = self._side, None
            side.wait()  # raises what it died of
            raise errors.HostError("the process that reads layers has ended")
        said = json.loads(answer)
        if "error" not in said:
            return said["result"]
        if said["error"] == "KernelError":
            raise errors.KernelError(said["call"], said["errno"], hint=said["hint"])
        raise _KINDS.get(said["error"], errors.HostError)(said["message"], hint=said["hint"])

    def _chain(self, diff_ids: "Sequence[str]") -> "dict[str, Any]":
        whole = snapshots.complete(diff_ids, self._root_dir) if diff_ids else ""
        return {"diff_ids": list(diff_ids), "attributes": whole}

    def facts(self, diff_ids: "Sequence[str]") -> "dict[str, Any]":
        """Return the accounts and the top directory (image_worker.facts)."""
        found: dict[str, Any] = self._ask("facts", **self._chain(diff_ids))
        return found

    def place(self, diff_ids: "Sequence[str]", path: str) -> Place:
        """Return where a path leads in a tree of layers."""
        (found,) = self.places(diff_ids, [path])
        return found

    def places(self, diff_ids: "Sequence[str]", wanted: "Sequence[str]") -> "list[Place]":
        """Return where paths lead in a tree of layers."""
        rows = self._ask("places", **self._chain(diff_ids), paths=list(wanted))
        return [Place(row[0], [Node(**node) for node in row[1]], *row[2:]) for row in rows]

    def read(
        self, source: "Sequence[str] | str", wanted: "Sequence[str]", data: str
    ) -> "list[tuple[str, list[Node]]]":
        """Read parts of a tree.

        Args:
            source: diff ids, or a directory.
            wanted: patterns of paths.
            data: a new file, which gets all files' content.

        Returns:
            For each thing that fits its path, and what is there: itself first, with an empty path,
            then what is below it.

        Raises:
            NotFoundError: nothing fits one of them.
        """
        words = {"directory": source} if isinstance(source, str) else self._chain(source)
        rows = self._ask("read", **words, patterns=list(wanted), data=data)
        return [(path, [Node(**node) for node in nodes]) for path, nodes in rows]

    def build(self, rows: "list[tuple[str, list[Node]]]", data: str, target: str) -> None:
        """Make a plain directory of what `read` returned for one thing.

        Args:
            rows: of `read`.
            data: the file with the content.
            target: a directory that is there and empty.
        """
        from dataclasses import asdict

        nodes = [asdict(node) for _path, found in rows for node in found]
        self._ask("build", nodes=nodes, data=data, target=target)

    def unpack(self, archive: str, target: str) -> None:
        """Unpack a tar archive, compressed or not, into an empty directory."""
        self._ask("unpack", archive=archive, target=target)

    def own(self, path: str, uid: int, gid: int, mode: int, *, target: str = "") -> None:
        """Give something an owner and a mode; then move it, unless something is there already."""
        self._ask("own", path=path, uid=uid, gid=gid, mode=mode, target=target)

    def remove(self, path: str) -> None:
        """Remove a tree, also one of other ids."""
        self._ask("remove", path=path)

    def close(self) -> None:
        """End it."""
        if self._side is not None:
            self._side.kill()
            self._side = None

    def __enter__(self) -> "Helper":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
