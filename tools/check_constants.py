"""Compare the constants in src/ with the machine's C headers: python tools/check_constants.py.

A comment line that names nothing but headers ("# linux/mount.h" or "# sys/mount.h, linux/mount.h")
promises that the assignments right below it, down to the first blank line, are those headers' names
with those headers' values: `NAME = 1`, `WORDS = {"NAME": 1}`, or `WORDS = ("NAME_0", "NAME_1")`.
Where other words follow the headers, a line counts if it ends with the C expression that it stands
for ("MOVE = 0xB4  # BPF_ALU | BPF_MOV | BPF_K").

A name that the installed headers lack is a fault, unless its line says "since Linux 6.3".
"""

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HEADING = re.compile(r"# ([a-z0-9_/.-]+\.h(?:, [a-z0-9_/.-]+\.h)*)(.*)$")
C_EXPRESSION = re.compile(r"#\s*([A-Z0-9_]+(?: \| [A-Z0-9_]+)*)(?:$|,)")


class Constant(NamedTuple):
    """One promise: where it stands, the C expression, and the value that src/ gives it."""

    place: str
    expression: str
    value: int
    is_new: bool


def number(node: ast.expr) -> int | None:
    """Return the value of a literal, or of an expression of literals; None for anything else."""
    if any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(node)):
        return None
    value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def named_values(statement: ast.Assign) -> Iterator[tuple[str, int, int]]:
    """Give (name, value, line) of each constant that the statement assigns."""
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            found = number(item)
            if isinstance(key, ast.Constant) and found is not None:
                yield str(key.value), found, item.lineno
    elif isinstance(value, ast.Tuple):
        for index, item in enumerate(value.elts):
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield item.value, index, item.lineno
    elif isinstance(target, ast.Name):
        found = number(value)
        if found is not None:
            yield target.id, found, statement.lineno


def constants(path: Path) -> Iterator[tuple[tuple[str, ...], Constant]]:
    """Give the headers and the constant for each promise in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assigned = {
        node.lineno: node
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.Assign)
    }
    headers: tuple[str, ...] = ()
    strict, at = False, 0
    while at < len(lines):
        at += 1
        line = lines[at - 1]
        heading = HEADING.match(line)
        if heading:
            headers, strict = tuple(heading[1].split(", ")), not heading[2].strip()
        elif not line.strip():
            headers = ()
        elif headers and at in assigned:
            for name, value, place in named_values(assigned[at]):
                text = lines[place - 1]
                written = C_EXPRESSION.search(text)
                expression = name if strict else (written[1] if written else "")
                if expression:
                    where = f"{path.relative_to(ROOT)}:{place}"
                    yield headers, Constant(where, expression, value, "since Linux" in text)
            at = assigned[at].end_lineno or at


def ask(headers: tuple[str, ...], expressions: list[str]) -> dict[str, int]:
    """Return what the headers say; expressions that they don't know are left out."""
    known = list(expressions)
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch, "ask.c"), Path(scratch, "ask")
        includes = "".join(f"#include <{name}>\n" for name in headers)
        for _attempt in range(2):
            asked = "".join(f"(long long)({text}),\n" for text in known)
            source.write_text(
                f"#define _GNU_SOURCE\n#include <stdio.h>\n{includes}"
                f"int main(void) {{\nlong long v[] = {{\n{asked}0}};\n"
                f'for (int i = 0; i < {len(known)}; i++) printf("%lld\\n", v[i]);\nreturn 0;\n}}\n'
            )
            compiler = ["cc", "-w", "-fmax-errors=0", str(source), "-o", str(program)]
            done = subprocess.run(compiler, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                values = subprocess.run(
                    [program], capture_output=True, text=True, check=True
                ).stdout
                return dict(zip(known, map(int, values.split()), strict=True))
            unknown = set(re.findall(r"[‘'](\w+)[’'] undeclared", done.stderr))
            if not unknown:
                sys.exit(f"{', '.join(headers)}: {done.stderr}")
            known = [text for text in known if not unknown & set(re.findall(r"\w+", text))]
    sys.exit(f"{', '.join(headers)}: the compiler still finds unknown names")


def faults() -> tuple[int, list[str]]:
    """Return how many constants were compared, and what is wrong with them."""
    by_headers: dict[tuple[str, ...], list[Constant]] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for headers, constant in constants(path):
            by_headers.setdefault(headers, []).append(constant)
    compared, wrong = 0, []
    for headers, promised in by_headers.items():
        said = ask(headers, [constant.expression for constant in promised])
        for place, expression, value, is_new in promised:
            if expression not in said:
                if not is_new:
                    wrong.append(f"{place}: {expression} is not in {', '.join(headers)}")
            elif (said[expression] - value) % (1 << 64):
                wrong.append(f"{place}: {expression} is {said[expression]:#x}, not {value:#x}")
            else:
                compared += 1
    return compared, wrong


def main() -> int:
    """Print the faults."""
    if not shutil.which("cc"):
        sys.exit("no C compiler: apt-get install gcc libc6-dev")
    compared, wrong = faults()
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.stdout.write(f"{compared} constants are as in the headers, {len(wrong)} are not\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
