"""Small files, small functions, a small launcher."""

import re

from tests.habits.project import GENERATED, PACKAGE, ROOT, files, name_of

PYTHON_LINES = 500
C_LINES = 1500
C_FUNCTION_LINES = 80
TOOL_LINES = 150
LAB_LINES = 300
EXAMPLE_LINES = 60
FOLDER_FILES = 37
MECHANISMS = 50  # kernel has a file for each


def count(path) -> int:  # type: ignore[no-untyped-def]
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_python_file_is_long() -> None:
    long = {name_of(path): count(path) for path in files(".py") if name_of(path) not in GENERATED}
    assert {name: lines for name, lines in long.items() if lines > PYTHON_LINES} == {}


def test_tools_and_examples_are_short() -> None:
    tools = {name_of(path): count(path) for path in (ROOT / "tools").iterdir() if path.is_file()}
    assert {name: lines for name, lines in tools.items() if lines > TOOL_LINES} == {}
    examples = {name_of(path): count(path) for path in (ROOT / "examples").glob("*.py")}
    assert {name: lines for name, lines in examples.items() if lines > EXAMPLE_LINES} == {}


def test_the_lab_is_small() -> None:
    lab = {name_of(path): count(path) for path in files() if ROOT / "lab" in path.parents}
    assert {name: lines for name, lines in lab.items() if lines > LAB_LINES} == {}


def test_no_folder_is_crowded_and_none_is_deep() -> None:
    for folder in PACKAGE.iterdir():
        limit = MECHANISMS if folder.name == "kernel" else FOLDER_FILES
        if (folder / "__init__.py").exists():
            assert len(list(folder.glob("*.py"))) <= limit, folder.name
            assert not [path for path in folder.iterdir() if (path / "__init__.py").exists()]


def test_the_launcher_is_small() -> None:
    sources = [path for path in (ROOT / "launcher").iterdir() if path.suffix in (".c", ".h")]
    assert sum(map(count, sources)) <= C_LINES, {path.name: count(path) for path in sources}


def test_no_function_of_the_launcher_is_long() -> None:
    for path in sorted((ROOT / "launcher").glob("*.c")):
        body = re.compile(r"^\w[^\n;]*\)\n\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
        for match in body.finditer(path.read_text(encoding="utf-8")):
            lines = match[1].count("\n")
            assert lines <= C_FUNCTION_LINES, f"{path.name}: {match[0].splitlines()[0]} {lines}"
