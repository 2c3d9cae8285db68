"""The shape of the source: docstrings, lazy names, the mirror of tests, what is generated."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.habits.project import PACKAGE, ROOT, TESTS, files, name_of, sources
from tests.lab_marks import SMOKE
from tests.machine import requires


def test_every_file_says_its_job_in_its_first_line() -> None:
    for path in files(".py"):
        if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
            continue
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = text.split("\n")[0].strip()
        assert first, f"{name_of(path)}: no docstring"
        assert first[-1] in ".:;" or PACKAGE not in path.parents, f"{name_of(path)}: {first}"


def test_packages_are_docstrings_and_lazy_names_only() -> None:
    for path in PACKAGE.glob("*/__init__.py"):
        docstring, *rest = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr), name_of(path)
        # a library's package (wardian.repro) may name what it has; nothing is loaded for that
        names = [ast.unparse(one).split()[0] for one in rest]
        assert names in ([], ["TYPE_CHECKING", "if", "_LAZY", "def"]), name_of(path)


def test_the_public_names_are_loaded_on_first_use() -> None:
    code = "import sys, wardian; print(*[m for m in sys.modules if m.startswith('wardian.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    import wardian

    for name in wardian.__all__:
        assert getattr(wardian, name) is not None
    assert "typing" not in wardian.__dir__()


def test_unit_tests_mirror_the_source() -> None:
    for path in (TESTS / "unit").rglob("test_*.py"):
        source = PACKAGE / path.relative_to(TESTS / "unit").parent / path.name.removeprefix("test_")
        assert source.exists(), f"{name_of(path)} tests {name_of(source)}, which is not there"


def test_names_of_tests_are_sentences() -> None:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert node.name.count("_") >= 2, f"{name_of(path)}: {node.name}"


def test_the_lab_s_smoke_names_tests_that_are_there() -> None:
    for file, names in SMOKE.items():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert names <= there, file


def test_the_steps_are_those_of_the_launcher() -> None:
    check = [sys.executable, str(ROOT / "tools" / "generate_steps.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_constants_are_those_of_the_headers() -> None:
    requires("compiler")
    check = [sys.executable, str(ROOT / "tools" / "check_constants.py")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_work_is_left_as_a_note() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    for path in files(".py", ".c", ".h", ".md"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not any(word in line.split() for word in words), f"{name_of(path)}:{number}"


@pytest.mark.parametrize("path", sorted(sources()), ids=name_of)
def test_a_file_s_name_is_a_noun_it_owns(path: Path) -> None:
    forbidden = {"utils", "helpers", "common", "misc", "manager", "base", "internal", "impl"}
    assert path.stem not in forbidden
    assert path.parent == PACKAGE or not path.stem.startswith(path.parent.name + "_")
