"""What a sandboxed program may ask of the kernel: an allow-list with three answers (pure).

The answers are `allow`; a quiet errno, for what healthy libraries only probe; all else is a
violation. Some calls are answered by their arguments. A misspelled call is a fault, never a
silently missing rule; "?name" is for one that the installed libseccomp may not know.
"""

import dataclasses
import errno
import json

from wardian.errors import SpecError, UsageError
from wardian.kernel.syscall_filter import MASKED, OPERATORS, Condition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MODES = ("kill", "freeze", "errno")
VIOLATION = "violation"
ALLOW = "allow"
SUCCESS = "SUCCESS"
_MOST = (1 << 64) - 1


@dataclasses.dataclass(frozen=True, slots=True)
class ArgumentRule:
    """What one call gets by its arguments.

    Attributes:
        rules: (condition in words, answer); the first that holds counts.
        otherwise: the answer for all other arguments.
    """

    rules: "tuple[tuple[str, str], ...]"
    otherwise: str = VIOLATION


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """A forbidden call that is refused quietly where one of these libraries makes it.

    Attributes:
        errno: what it gets: "EAFNOSUPPORT".
        files: names of libraries and programs below /usr.
    """

    errno: str
    files: "tuple[str, ...]"


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """An allow-list of system calls, with three answers: allow, a quiet errno, violation.

    Attributes:
        name: for people, and for the log.
        allow: calls that may be made whatever their arguments.
        refuse: calls, and the name of the errno that each gets quietly.
        arguments: calls that are answered by their arguments.
        probes: violations that are refused quietly where a known library makes them.
        mode: what a violation leads to: "kill", "freeze" or "errno".
        audit: the kernel writes an audit record for each forbidden call; None leaves that to the
            sandbox, which asks for them where it keeps a log or evidence.
        description: one line for people.
    """

    name: str
    allow: "tuple[str, ...]" = ()
    refuse: "Mapping[str, str]" = dataclasses.field(default_factory=dict)
    arguments: "Mapping[str, ArgumentRule]" = dataclasses.field(default_factory=dict)
    probes: "Mapping[str, Probe]" = dataclasses.field(default_factory=dict)
    mode: str = "kill"
    audit: bool | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f'mode "{self.mode}": not {", ".join(MODES)}')
        for call, word in self.refuse.items():
            errno_number(word, f"refuse.{call}")
        for call, rule in self.arguments.items():
            for text, answer in rule.rules:
                parse_conditions(text, f"arguments.{call}")
                check_answer(answer, f"arguments.{call}")
            check_answer(rule.otherwise, f"arguments.{call}.otherwise")
        for call, probe in self.probes.items():
            errno_number(probe.errno, f"probes.{call}")
        self._check_once()

    def _check_once(self) -> None:
        seen: dict[str, str] = {}
        places = (("allow", self.allow), ("refuse", self.refuse), ("arguments", self.arguments))
        for where, calls in places:
            for call in calls:
                other = seen.setdefault(call.lstrip("?"), where)
                if other != where:
                    raise SpecError(f'"{call}" is in "{other}" too', where=where)

    def text(self) -> str:
        """Return all that the filter depends on, in one form."""
        parts = {
            "allow": sorted(set(self.allow)),
            "refuse": dict(sorted(self.refuse.items())),
            "arguments": {
                call: [rule.rules, rule.otherwise] for call, rule in sorted(self.arguments.items())
            },
        }
        return json.dumps(parts, separators=(",", ":"))


# ---- words ---------------------------------------------------------------------------------


def errno_number(word: str, where: str) -> int:
    """Return the number of "ENOSYS"; 0 for "SUCCESS", by which a call is said to have gone well.

    Raises:
        SpecError: there is no such errno.
    """
    if word == SUCCESS:
        return 0
    number = getattr(errno, word, None) if word.startswith("E") else None
    if not isinstance(number, int):
        raise SpecError(f'"{word}" is no errno', where=where)
    return number


def check_answer(word: str, where: str) -> None:
    """Check the answer of a rule: "allow", "violation", "SUCCESS" or an errno's name.

    Raises:
        SpecError: it is none.
    """
    if word not in (ALLOW, VIOLATION):
        errno_number(word, where)


def parse_conditions(text: str, where: str) -> list[Condition]:
    """Return the conditions of "int0 & 0x7e020000 == 0 and arg2 == 0".

    Raises:
        SpecError: they can't be read.
    """
    return [_condition(part.split(), text, where) for part in text.split(" and ")]


def _condition(words: list[str], text: str, where: str) -> Condition:
    hint = 'such as "int0 & 0x7e020000 == 0" or "arg2 <= 4096"'
    fault = SpecError(f'"{text}" is no condition', where=where, hint=hint)
    try:
        name, operator, *rest = words
        wide = name[:3] == "arg"
        if name[:3] not in ("arg", "int") or operator not in OPERATORS:
            raise fault
        index = int(name[3:])
        mask = 0
        if operator == MASKED:
            mask_word, sign, *rest = rest
            mask = int(mask_word, 0)
            if sign != "==":
                raise fault
        (value_word,) = rest
        value = int(value_word, 0)
    except ValueError:
        raise fault from None
    most = _MOST if wide else 0xFFFFFFFF
    if not (0 <= index <= 5 and 0 <= value <= most and 0 <= mask <= most) or value & ~mask & (
        most if operator == MASKED else 0
    ):
        raise fault
    return Condition(index, operator, value, mask=mask, wide=wide)
