"""One operation of a plan."""


class Step:
    """One operation: its name, its arguments in the vocabulary's order, and why it is there."""

    __slots__ = ("args", "name", "reason")

    def __init__(self, name: str, args: "tuple[object, ...]", reason: str) -> None:
        self.name = name
        self.args = args
        self.reason = reason

    def __repr__(self) -> str:
        return f"Step({self.name!r}, {self.args!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and (self.name, self.args) == (other.name, other.args)

    def __hash__(self) -> int:
        return hash((self.name, self.args))
