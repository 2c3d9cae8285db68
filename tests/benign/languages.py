"""The well-behaved programs: each file below programs/ says in its first lines how it is run.

Keys: `language`, Debian's `package`, `needs` (commands or files), `compile` (in a box; the program
is `makes`, or "program"), `compile-outside` (on the host: its compiler has files where a box has
none), `run`, `limits` and `compile-limits` (words of Limits), `policy`,
`machine`, `expect` (lines, with | between them). A `heavy` one is not installed by the tests: it
runs where its package is.
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
ANSWER = "hello, world|9592 454396537|500500"
KEYS = (
    "language",
    "package",
    "needs",
    "heavy",
    "machine",
    "compile",
    "compile-outside",
    "compile-limits",
    "makes",
    "run",
    "limits",
    "policy",
    "expect",
)
_LINE = re.compile(rf"\W*({'|'.join(KEYS)}): (.*?)(?: *(?:\*/|\*\)|\}}))?$")


@dataclass(frozen=True)
class Program:
    """One program and its header."""

    path: Path
    settings: dict[str, str] = field(repr=False)

    def __str__(self) -> str:
        return self.path.stem

    def one(self, key: str, default: str = "") -> str:
        """Return a setting."""
        return self.settings.get(key, default)

    def missing(self) -> list[str]:
        """Return what this machine lacks of what it needs."""
        needs = self.one("needs").split()
        return [need for need in needs if not (Path(need).exists() or shutil.which(need))]

    def expected(self) -> str:
        """Return what it must print."""
        return self.one("expect", ANSWER).replace("|", "\n") + "\n"


def read(path: Path) -> Program:
    """Read a program's header: lines of its first comment that have a known key."""
    settings: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[:14]:
        if found := _LINE.match(line):
            settings.setdefault(found[1], found[2])
    for key in ("language", "package", "needs", "run"):
        if key not in settings:
            raise ValueError(f"{path.name}: no {key}")
    return Program(path, settings)


def programs() -> list[Program]:
    """Read them all."""
    return [read(path) for path in sorted(PROGRAMS.iterdir()) if path.is_file()]
