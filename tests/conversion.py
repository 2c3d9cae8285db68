"""The table of docs/kernel/cgroups.md as rows that a test can run."""

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from wardian.cli import arguments, run_options
from wardian.engine import resource_words

PAGE = Path(__file__).resolve().parent.parent / "docs" / "kernel" / "cgroups.md"
CELL = re.compile(r"`([\w.]+): ([^`]*)`")


class Row(NamedTuple):
    """One row.

    Attributes:
        asked: docker's words, or a part of linux.resources as JSON.
        first, second: v1's and v2's files and values, one mapping for each alternative; empty for
            what can't be had.
    """

    asked: str
    first: list[dict[str, str]]
    second: list[dict[str, str]]

    def __str__(self) -> str:
        return self.asked

    def resources(self, disk: str) -> dict[str, Any]:
        """Return the OCI document, for a disk by its path in /dev."""
        if self.asked.startswith("{"):
            document: dict[str, Any] = json.loads(self.asked)
            return document
        words = shlex.split(self.asked.replace("DISK", disk))
        parsed = arguments.parse(run_options.RUN, [*words, "--", "true"])
        found = resource_words.resources(parsed.values)
        resource_words.bound_swap(found)
        return found


def rows() -> list[Row]:
    """Return all rows of the page's first table."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            asked, first, second = (cell.strip() for cell in line.strip("| ").split(" | "))
            found.append(Row(asked.strip("`"), _cell(first), _cell(second)))
    return found


def _cell(text: str) -> list[dict[str, str]]:
    if text == "no":
        return []
    return [dict(CELL.findall(part)) for part in text.split(" or ")]
