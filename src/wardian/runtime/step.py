"""One operation of a plan."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable


class Step:
    """One operation: its name, its arguments in the vocabulary's order, and why it is there.

    Attributes:
        name: as in launcher/steps.def, or one of plan.HOST_STEPS.
        args: integers, strings, bytes and tuples of strings; a string that begins with "$" is a
            symbol.
        reason: for the reader of `explain`; not part of the hash.
        wire: its bytes as the launcher reads them, a part for each operation, once known, where no
            symbol is in it.
    """

    __slots__ = ("args", "name", "reason", "wire")

    def __init__(self, name: str, args: "tuple[Hashable, ...]", reason: str) -> None:
        self.name = name
        self.args = args
        self.reason = reason
        self.wire: tuple[bytes, ...] | None = None

    def __repr__(self) -> str:
        return f"Step({self.name!r}, {self.args!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and (self.name, self.args) == (other.name, other.args)

    def __hash__(self) -> int:
        return hash((self.name, self.args))


_KNOWN_MAXIMUM = 1024
_known: "dict[tuple[str, tuple[Hashable, ...]], Step]" = {}


def known(name: str, args: "tuple[Hashable, ...]", reason: str) -> Step:
    """Return a step that most plans have: one object for all of them, encoded once."""
    found = _known.get((name, args))
    if found is None or found.reason != reason:
        if len(_known) >= _KNOWN_MAXIMUM:
            _known.clear()
        found = _known[name, args] = Step(name, args, reason)
    return found
