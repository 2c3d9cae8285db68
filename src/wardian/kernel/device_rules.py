"""Which device nodes a group of processes may make, read and write.

A rule is one of OCI's linux.resources.devices; the last one that matches decides. cgroup_v1.py has
the lines that the devices controller takes, device_filter.py the eBPF program of cgroup v2.

Source: opencontainers/runtime-spec, config-linux.md "Allowed Device list".
Kernel: Documentation/admin-guide/cgroup-v1/devices.rst, linux/bpf.h.
"""

from wardian.errors import InternalError, SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# linux/bpf.h: BPF_DEVCG_ACC_*, BPF_DEVCG_DEV_*
ACCESSES = {"m": 1, "r": 2, "w": 4}
TYPES = {"b": 1, "c": 2}
EVERY_ACCESS = 7
MAXIMUM_MAJOR = (1 << 12) - 1  # linux/kdev_t.h: MINORBITS is 20 of 32
MAXIMUM_MINOR = (1 << 20) - 1


class Rule:
    """One rule of OCI's linux.resources.devices.

    Attributes:
        allow: or deny.
        kind: "b", "c", or "a" for both.
        major, minor: numbers, or None for all.
        access: of "r", "w", "m".
    """

    __slots__ = ("access", "allow", "kind", "major", "minor")

    def __init__(
        self, allow: bool, kind: str, major: "int | None", minor: "int | None", *, access: str
    ) -> None:
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access

    @property
    def mask(self) -> int:
        """The accesses as BPF_DEVCG_ACC_* bits."""
        return sum(ACCESSES[letter] for letter in set(self.access))

    @property
    def is_total(self) -> bool:
        """True for a rule that every access to every device matches."""
        return (
            self.kind == "a"
            and self.major is None
            and self.minor is None
            and self.mask == EVERY_ACCESS
        )

    def of_each_kind(self) -> "tuple[Rule, ...]":
        """Return the rule once for block and once for character devices where it is for both."""
        if self.kind != "a":
            return (self,)
        return tuple(
            Rule(self.allow, kind, self.major, self.minor, access=self.access) for kind in "bc"
        )

    def overlaps(self, other: "Rule") -> bool:
        """Return whether some access to some device matches both."""
        return (
            (self.kind == other.kind or "a" in (self.kind, other.kind))
            and (self.major is None or other.major is None or self.major == other.major)
            and (self.minor is None or other.minor is None or self.minor == other.minor)
            and self.mask & other.mask != 0
        )

    def __str__(self) -> str:
        """Return the rule as the v1 files have it: "c 1:3 rwm"."""
        major = "*" if self.major is None else str(self.major)
        minor = "*" if self.minor is None else str(self.minor)
        return f"{self.kind} {major}:{minor} {self.access}"


def read_rule(entry: "Mapping[str, object]", where: str) -> Rule:
    """Return a rule of an OCI document.

    Args:
        entry: {"allow": bool, "type": "a" | "b" | "c", "major": n, "minor": n, "access": "rwm"}.
            Type and numbers may be left out, which means all; so does -1. Only a rule that denies
            may leave out its access.
        where: its JSON path.

    Raises:
        SpecError: names the faulty place.
    """
    allow, kind, access = entry.get("allow"), entry.get("type") or "a", entry.get("access")
    if not isinstance(allow, bool):
        raise SpecError(f'"{allow}" is not true or false', where=where + ".allow")
    if kind not in ("a", "b", "c", "u") or not isinstance(kind, str):
        raise SpecError(
            f'"{kind}" is not a type of device', where=where + ".type", hint="use a, b, c or u"
        )
    if not access and not allow:
        access = "rwm"
    if not access or not isinstance(access, str) or set(access) - set("rwm"):
        raise SpecError(
            f'"{access}" is not an access', where=where + ".access", hint="letters of rwm"
        )
    major = _device_number(entry, "major", MAXIMUM_MAJOR, where)
    minor = _device_number(entry, "minor", MAXIMUM_MINOR, where)
    access = "".join(letter for letter in "rwm" if letter in access)
    return Rule(allow, "c" if kind == "u" else kind, major, minor, access=access)


def _device_number(
    entry: "Mapping[str, object]", name: str, maximum: int, where: str
) -> "int | None":
    value = entry.get(name)
    if value is None or value == -1:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        hint = f"0 to {maximum}, or -1 for all"
        raise SpecError(f'"{value}" is not a device number', where=f"{where}.{name}", hint=hint)
    return value


def format_rules(rules: "Iterable[Rule]") -> str:
    """Return the rules as text, one a line: "allow c 1:3 rwm"."""
    return "\n".join(f"{'allow' if rule.allow else 'deny'} {rule}" for rule in rules)


def parse(text: str) -> "list[Rule]":
    """Return the rules that `format_rules` wrote."""
    rules = []
    for line in text.splitlines():
        try:
            verb, kind, numbers, access = line.split(" ")
            major, _colon, minor = numbers.partition(":")
            allow = {"allow": True, "deny": False}[verb]
            found = [None if word == "*" else int(word) for word in (major, minor)]
        except (ValueError, KeyError):
            raise InternalError(f'"{line}" is not a device rule') from None
        rules.append(Rule(allow, kind, found[0], found[1], access=access))
    return rules
