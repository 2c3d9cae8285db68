"""The corpus: each file below programs/ is one attack, its header says what must become of it.

A header is the first comment of the file (of a Python file its docstring). The first line says
what the program tries. Then come lines `key: value`; README.md has the keys.
"""

import dataclasses
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wardian import Limits, Outcome

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
# The folder, the letter that its ids begin with, and what its attacks are about.
FAMILIES = {
    "resources": ("R", "Using up the machine"),
    "verdicts": ("T", "Lying about how it ended, and about time"),
    "killing": ("P", "Outliving the run, and attacking other processes"),
    "syscalls": ("S", "Forbidden system calls, and ways around the filter"),
    "escape": ("F", "Leaving the box by way of files"),
    "outputs": ("C", "Tricks with the files that are collected"),
    "leaks": ("I", "Looking at the host, and at other runs"),
    "network": ("N", "Reaching a network"),
    "pipeline": ("V", "Attacking the one who looks at violations"),
    "graders": ("L", "Deceiving the one who grades"),
}
LANGUAGES = {".c": "C", ".S": "assembler", ".py": "Python", ".sh": "sh"}
KEYS = frozenset(
    (
        "argv",
        "compile",
        "contained",
        "evidence",
        "expect",
        "files",
        "id",
        "limits",
        "machine",
        "or",
        "output",
        "outputs",
        "policy",
        "runs",
        "stdin",
    )
)
WORDS = ("syscall", "code", "signal", "stdout", "limit", "arch", "count")


class BadHeaderError(Exception):
    """A program whose header can't be understood."""


@dataclass(frozen=True)
class Expectation:
    """One way in which a run may end.

    Attributes:
        outcome: the verdict.
        facts: what else must hold: {"syscall": "mount"}, {"stdout": regular expression} ...
        because: why this one is allowed besides the first.
    """

    outcome: Outcome
    facts: dict[str, str]
    because: str = ""

    def __str__(self) -> str:
        words = [f"{key}={value}" for key, value in self.facts.items() if key != "stdout"]
        return " ".join([str(self.outcome), *words])


@dataclass(frozen=True)
class Attack:
    """One hostile program.

    Attributes:
        path: its source.
        title: what it tries.
        contained: what stops it.
        expectations: the verdicts that are right; any of them.
        outputs: what is asked for, and of each a word: "refused", "missing", or its content.
        runs: how often it runs in a row; every run must end as expected.
    """

    path: Path
    id: str
    title: str
    contained: str
    expectations: tuple[Expectation, ...]
    outputs: dict[str, str]
    settings: dict[str, list[str]] = field(repr=False)

    @property
    def family(self) -> str:
        """Name of its folder."""
        return self.path.parent.name

    @property
    def runs(self) -> int:
        """How often it runs in a row."""
        return int(self.one("runs", "1"))

    def one(self, key: str, default: str = "") -> str:
        """Return the value of a key that stands at most once."""
        values = self.settings.get(key, [default])
        if len(values) != 1:
            raise BadHeaderError(f"{self.path.name}: {key} stands {len(values)} times")
        return values[0]

    def limits(self, standard: dict[str, object], slowness: int = 1) -> Limits:
        """Return its limits: those of the corpus, and what its header says."""
        own = dict(word.split("=", 1) for word in self.one("limits").split())
        return slower(Limits.parse({**standard, **own}), slowness)


def slower(limits: Limits, slowness: int) -> Limits:
    """Return limits for a machine that is so many times slower."""
    more = {"cpu_s": limits.cpu_s * slowness, "wall_s": limits.wall_s * slowness}
    return dataclasses.replace(limits, **more)  # type: ignore[arg-type]


def header(path: Path) -> list[str]:
    """Return the lines of a program's first comment, without the comment's signs."""
    text = path.read_text(encoding="utf-8")
    patterns = {
        ".c": r"/\*(.*?)\*/",
        ".S": r"/\*(.*?)\*/",
        ".py": r'r?"""(.*?)"""',
        ".sh": r"#![^\n]*\n((?:#[^\n]*\n)+)",
    }
    found = re.match(patterns[path.suffix], text, re.DOTALL)
    if found is None:
        raise BadHeaderError(f"{path.name}: does not begin with a header")
    lines = [re.sub(r"^\s*(?:\*|#)? ?", "", line).strip() for line in found[1].split("\n")]
    return [line for line in lines if line]


def read(path: Path) -> Attack:
    """Read one program's header.

    Raises:
        BadHeaderError: it lacks something, or has what nobody knows.
    """
    title, settings = _parts(header(path))
    for key in ("id", "contained", "expect"):
        if len(settings.get(key, [])) != 1:
            raise BadHeaderError(f"{path.name}: {key} must stand once")
    expectations = [_expectation(path, settings["expect"][0], first=True)]
    expectations += [_expectation(path, text, first=False) for text in settings.get("or", [])]
    outputs = dict.fromkeys(shlex.split(" ".join(settings.get("outputs", []))), "")
    for text in settings.get("output", []):
        name, word = shlex.split(text)
        outputs[name] = word
    return Attack(
        path=path,
        id=settings["id"][0],
        title=" ".join(title),
        contained=settings["contained"][0],
        expectations=tuple(expectations),
        outputs=outputs,
        settings=settings,
    )


def _parts(lines: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Tell the title from the settings; a line without a key goes on with what is before it."""
    title: list[str] = []
    settings: dict[str, list[str]] = {}
    before = title
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key in KEYS:
            before = settings.setdefault(key, [])
            before.append(value.strip())
        elif before is title:
            title.append(line)
        else:
            before[-1] += f" {line}"
    return title, settings


def _expectation(path: Path, text: str, *, first: bool) -> Expectation:
    text, dash, because = text.partition(" -- ")
    if not first and not dash:
        raise BadHeaderError(f"{path.name}: another outcome needs a reason: `or: WORD -- why`")
    outcome, *words = shlex.split(text)
    facts = dict(word.partition("=")[::2] for word in words)
    if outcome not in Outcome.__members__ or not set(facts) <= set(WORDS):
        raise BadHeaderError(f"{path.name}: {text!r} is no expectation")
    if outcome == "VIOLATION" and "syscall" not in facts:
        raise BadHeaderError(f"{path.name}: which system call is the violation?")
    return Expectation(Outcome(outcome), facts, because.strip())


# Of each kind a few, for a machine that emulates its processors: what control groups of version 2,
# another kernel, another C library and another Python may change the answer to.
IN_THE_LAB = frozenset(
    """
    R1 R3 R4 R6 R8 R10 R11 R13 R14 R15 R19 R27 R29 R32 R34 R39 R44 R46 R49 R50 R62 R63
    T1 T2 T7 T10 T14 T15 T18 T28 T31 T32 P1 P2 P5 P6 P7 P18 P20 P24
    S1 S5 S11 S15 S17 S18 S19 S25 S28 S47 S54 S70 S71 S75 S82
    F1 F4 F7 F8 F11 F20 F29 F30 C1 C4 C7 C9 C12 C20 I1 I5 I8 I9 I11 I12 N1 N6
    V1 V2 V3 V9 V10 V11 V13 V15 V16 V19 V20 V21 V22 V24 V28 V29 V31 L1 L5
    """.split()  # noqa: SIM905 - a table to read
)
IN_THE_LAB_S_POOL = frozenset("R1 R10 R27 T1 P1 P20 S1 F7 C12 I1 I11 V2 V13 V28 V29".split())  # noqa: SIM905


def sources() -> Iterator[Path]:
    """Give the programs, family by family."""
    for family in FAMILIES:
        yield from sorted(
            path for path in (PROGRAMS / family).iterdir() if path.suffix in LANGUAGES
        )


def attacks() -> list[Attack]:
    """Read them all, in the order of their ids."""
    families = list(FAMILIES)
    found = [read(path) for path in sources()]
    return sorted(found, key=lambda one: (families.index(one.family), int(one.id[1:])))
