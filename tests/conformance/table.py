"""The sentences of the specification that bind a runtime on Linux, and the tests that show them.

They are those with MUST, MUST NOT, SHOULD and SHOULD NOT in runtime.md, runtime-linux.md, config.md
and config-linux.md (1.3), without those for other platforms, and a few without such a word that say
what must happen. One that stands in several places stands here once. Behind a sentence stand the
names of tests; where no test can show it, the reason in parentheses. test_table.py compares this
with the tests and with docs/conformance.md, which `python -m tests.conformance.table` writes.

Source: opencontainers/runtime-spec 1.3.
"""

import re
from itertools import pairwise

from tests.conformance.sentences_config import CONFIG
from tests.conformance.sentences_linux import LINUX
from tests.conformance.sentences_runtime import RUNTIME
from tests.habits.project import ROOT

HERE = ROOT / "tests" / "conformance"
DOCUMENT = ROOT / "docs" / "conformance.md"
DOCUMENTS = {"runtime.md": RUNTIME, "config.md": CONFIG, "config-linux.md": LINUX}

HEAD = """# Conformance with the OCI runtime specification

Every sentence with MUST, MUST NOT, SHOULD or SHOULD NOT that binds a runtime on Linux (runtime-spec
1.3), and the test in `tests/conformance` that shows it on the real kernel.
`python -m tests.conformance.table` writes this page; a test compares it. The tests run with any
runtime that has runc's command line, as root:

```sh
WARDIAN_OCI_RUNTIME=runc pytest tests/conformance
```

That is how they are tested themselves. Where Debian 12's runc 1.1.5 is known to differ, its column
says how.
"""

DIFFERENCE = re.compile(r'differs\(\s*runc="([^"]*)"')
TEST = re.compile(r"^def (test_\w+)", re.MULTILINE)


def differences() -> dict[str, str]:
    """Give what runc does otherwise, by the test that shows it; empty where it does not."""
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        named = dict(re.findall(r'^(_RUNC\w*) = differs\(runc="([^"]*)"', text, re.MULTILINE))
        parts = re.split(r"^def ", text, flags=re.MULTILINE)
        for before, after in pairwise(parts):
            marks = before[before.rfind("\n\n\n") :]
            reason = DIFFERENCE.search(marks)
            by_name = next((named[name] for name in named if f"marks={name}" in marks), "")
            found[after.partition("(")[0]] = reason.group(1) if reason else by_name
    return {name: why for name, why in found.items() if name.startswith("test_")}


def page() -> str:
    """Give the text of docs/conformance.md."""
    runc = differences()
    lines = [HEAD]
    for document, sections in DOCUMENTS.items():
        lines.append(f"## {document}\n")
        for section, rows in sections.items():
            lines += [
                f"### {section}\n",
                "| sentence | shown by | runc 1.1.5 |",
                "| --- | --- | --- |",
            ]
            for sentence, shown in rows:
                tests = [] if shown.startswith("(") else shown.split()
                words = "<br>".join(f"`{name}`" for name in tests) or shown.strip("()")
                other = "; ".join(dict.fromkeys(runc[name] for name in tests if runc.get(name)))
                lines.append(f"| {sentence} | {words} | {other} |")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(page(), encoding="utf-8")
