"""Writes docs/attacks.md: one row for each attack, from the headers of the programs."""

from tests.attacks import corpus
from tests.habits.project import ROOT

DOCUMENT = ROOT / "docs" / "attacks.md"
HEAD = """# Attacks

Each hostile program below runs in `wardian.Sandbox` in every test run, as do the well-behaved ones
of `tests/benign`. For each of them the tests check that the verdict is one of those named, that
nothing of what it wanted is seen (a line that it would print), that the host is as it was (mounts,
control groups, processes, files, sysctls, shared memory, keys, network), and that the next run sees
what it would have seen without the attack.

`tests/attacks/README.md` says how to add one. This page is written by `python -m
tests.attacks.table`; a test compares it.
"""


def page() -> str:
    """Return the text of the document."""
    attacks = corpus.attacks()
    lines = [HEAD]
    for family, (_letter, about) in corpus.FAMILIES.items():
        lines += [f"## {about}\n", "| id | program | what it tries | what contains it | verdict |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        for one in attacks:
            if one.family == family:
                verdicts = "<br>".join(dict.fromkeys(f"`{way}`" for way in one.expectations))
                words = [one.id, f"`{one.path.name}`", one.title, one.contained, verdicts]
                lines.append("| " + " | ".join(_cell(word) for word in words) + " |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    """Return text for a cell of a table: what Markdown would read as more than text is escaped."""
    if text.startswith("`"):
        return text.replace("|", "\\|")
    return text.replace("|", "\\|").replace("<", "\\<").replace("_", "\\_").replace("*", "\\*")


if __name__ == "__main__":
    DOCUMENT.write_text(page(), encoding="utf-8")
