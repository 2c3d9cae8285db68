"""Leaves files that a grader may take for its own, and swaps the input for a wrong answer.

id: T30
contained: inputs are copies; a file is collected only by its name
expect: OK stdout=done
files: input.txt=given
outputs: out.txt
output: out.txt mine
runs: 2
"""

import pathlib

for name in ("verdict.json", "result.xml", ".success", "expected.txt"):
    pathlib.Path(name).write_text('{"verdict": "OK"}', encoding="utf-8")
assert pathlib.Path("input.txt").read_text(encoding="utf-8") == "given"
try:
    pathlib.Path("input.txt").write_text("other", encoding="utf-8")
except OSError:
    pass
pathlib.Path("out.txt").write_text("mine", encoding="utf-8")
print("done")
