"""Where copied files come to lie in an image: docker's rules for the target of COPY and ADD.

Facts about the target
----------------------
A relative one begins at WORKDIR. A directory's content is copied, not itself. A file goes under the
target's name, or into it if that ends with a slash or is a directory. Links of the image on the way
are followed, inside the image. A directory that is there keeps its owner and mode; in the layer it
stands with them, since an upper layer's directory hides a lower one's attributes.
"""

import posixpath
from dataclasses import replace

from wardian.build.helper import Node, Place
from wardian.build.pieces import DIRECTORY, HARD_LINK, Piece, Thing
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.build.helper import Helper
    from wardian.exchange.normal_layers import Item

_NS = 1_000_000_000


class Target:
    """The target of one COPY; collects the entries of its layer."""

    def __init__(
        self,
        helper: "Helper",
        diff_ids: "tuple[str, ...]",
        *,
        owner: "tuple[int, int]",
        epoch_s: int,
    ) -> None:
        """Begin.

        Args:
            helper: sees the layers.
            diff_ids: what the layer comes onto.
            owner: of directories that have to be made.
            epoch_s: their time.
        """
        self._helper = helper
        self._diff_ids = diff_ids
        self._owner = owner
        self._epoch_ns = epoch_s * _NS
        self._places: dict[str, Place] = {}
        self._items: dict[str, Item] = {}

    @property
    def items(self) -> "list[Item]":
        """The entries of the layer."""
        return list(self._items.values())

    def put(self, things: "list[Thing]", target: str, workdir: str, *, into: bool) -> None:
        """Place things.

        Args:
            things: what is copied.
            target: as written.
            workdir: where relative ones begin.
            into: the target is a directory, whatever is there.

        Raises:
            UsageError: a file where a directory must be, or the other way round.
        """
        whole = posixpath.join("/", workdir, target)
        into = into or target.endswith("/") or posixpath.basename(target) in ("", ".", "..")
        place = self._place(whole)
        is_directory = into or place.kind == "directory"
        if len(things) > 1 and not is_directory:
            raise UsageError(
                f'"{target}" must be a directory: {len(things)} sources are copied',
                hint="a target that ends with / is one",
            )
        for thing in things:
            if thing.is_directory:
                self._directory(thing, whole)
            else:
                self._file(thing, f"{whole.rstrip('/')}/{thing.name}" if is_directory else whole)

    def directory(self, path: str, mode: int = 0o755) -> bool:
        """Make a directory; returns whether it was not there.

        Raises:
            UsageError: something else is there, or on the way.
        """
        place = self._place(path)
        if place.kind == "directory":
            return False
        if place.kind == "other":
            raise UsageError(f'"{path}" is no directory')
        self._parents(place, path)
        self._add(place.path, Piece(self._new(mode)))
        return True

    def _new(self, mode: int = 0o755) -> Node:
        return Node("", DIRECTORY, mode, *self._owner, self._epoch_ns)

    def _place(self, path: str) -> Place:
        if path not in self._places:
            self._places[path] = self._helper.place(self._diff_ids, path)
        return self._places[path]

    def _add(self, path: str, piece: Piece) -> None:
        self._items[path] = piece.item(path)

    def _parents(self, place: Place, shown: str) -> None:
        """Put the directories on the way into the layer, as they are there or new."""
        if place.kind == "below other":
            raise UsageError(f'"{shown}": something on the way is not a directory')
        there = place.above
        for node in there:
            if node.path not in self._items:
                self._add(node.path, Piece(node))
        names = place.path.split("/") if place.path else []
        depth = len(there) - 1
        for count in range(depth + 1, len(names)):
            path = "/".join(names[:count])
            if path not in self._items:
                self._add(path, Piece(self._new()))

    def _file(self, thing: Thing, path: str) -> None:
        place = self._place(path)
        if place.kind == "directory" or (
            place.path in self._items and self._items[place.path].entry.kind == b"5"
        ):
            raise UsageError(f'"{path}" is a directory; a file can\'t take its place')
        self._parents(place, path)
        self._add(place.path, thing.pieces[0])

    def _directory(self, thing: Thing, path: str) -> None:
        place = self._place(path)
        if place.kind in ("other", "below other"):
            raise UsageError(f'"{path}" is not a directory; a directory can\'t be copied there')
        self._parents(place, path)
        where = {"": place.path}  # of each of its directories: where it lies in the image
        known = {"": place if place.kind == "directory" else None}
        if place.kind != "directory" and place.path not in self._items:
            self._add(place.path, thing.pieces[0])
        for piece in thing.pieces[1:]:
            above, _slash, name = piece.node.path.rpartition("/")
            there = known[above]
            target = f"{where[above]}/{name}" if where[above] else name
            now = there.names.get(name, "") if there else ""
            if piece.node.kind == DIRECTORY:
                known[piece.node.path] = self._merged(target, now)
                inner = known[piece.node.path]
                where[piece.node.path] = inner.path if inner else target
                if inner is None and target not in self._items:
                    self._add(target, piece)
                continue
            if now == "directory":
                raise UsageError(f'"/{target}" is a directory; a file can\'t take its place')
            self._add(target, _linked(piece, where))

    def _merged(self, target: str, now: str) -> "Place | None":
        """Return a directory that is there already; None for none."""
        if not now:
            return None
        place = self._place("/" + target)
        if place.kind != "directory":
            raise UsageError(f'"/{target}" is not a directory; a directory can\'t be copied there')
        self._parents(place, "/" + target)
        return place


def _linked(piece: Piece, where: "dict[str, str]") -> Piece:
    """Return a hard link that names its target as the layer does."""
    if piece.node.kind != HARD_LINK:
        return piece
    above, _slash, name = piece.node.target.rpartition("/")
    return replace(piece, node=replace(piece.node, target=f"{where[above]}/{name}".lstrip("/")))
