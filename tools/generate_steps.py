"""Write src/wardian/runtime/steps.py from launcher/steps.def; --check says if it is stale."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "launcher" / "steps.def"
TARGET = ROOT / "src" / "wardian" / "runtime" / "steps.py"
HEAD = '''"""The step vocabulary shared with the launcher.

Generated from launcher/steps.def by tools/generate_steps.py; edit that file, then run `make steps`.
A signature has a letter for each argument: u unsigned integer, s string, b bytes, l strings.
"""

# name: (code, signature, argument names)
STEPS: dict[str, tuple[int, str, tuple[str, ...]]] = {
'''


def generate() -> str:
    """Return the text of steps.py."""
    pattern = r'^STEP\((\w+),\s*"(\w*)",\s*"([\w ]*)"\)'
    rows = re.findall(pattern, SOURCE.read_text(), re.MULTILINE)
    lines = []
    for code, (name, signature, arguments) in enumerate(rows):
        names = arguments.split()
        if len(names) != len(signature):
            sys.exit(f"{SOURCE}: {name} has {len(signature)} letters and {len(names)} names")
        quoted = "".join(f'"{word}", ' for word in names)
        quoted = quoted.rstrip() if len(names) == 1 else quoted.rstrip(", ")
        lines.append(f'    "{name}": ({code}, "{signature}", ({quoted})),\n')
    return HEAD + "".join(lines) + "}\n"


def main() -> int:
    """Write the file, or compare it."""
    text = generate()
    if "--check" in sys.argv[1:]:
        stale = not TARGET.exists() or TARGET.read_text() != text
        if stale:
            sys.stderr.write(
                f"{TARGET.name} is not what launcher/steps.def says: run `make steps`\n"
            )
        return int(stale)
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
