"""What the documents name is there; what must not be written is not."""

import re
from pathlib import Path

import pytest

from tests.habits.project import PACKAGE, ROOT, files, name_of

DOCUMENTS = sorted(files(".md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`([\w./-]+/[\w.-]+|[\w-]+\.(?:md|toml|py|c|h|def))`")
KINDS = {"added", "changed", "fixed", "removed", "security"}
FOLDERS = (
    ".ci",
    "bench",
    "bin",
    "changes",
    "docs",
    "examples",
    "lab",
    "launcher",
    "src",
    "tests",
    "tools",
)


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(
        r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:|#", target):
            continue
        file, _, anchor = target.partition("#")
        aim = (path.parent / file).resolve()
        assert aim.exists(), f"{name_of(path)}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", aim.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings]
            assert anchor in slugs, f"{name_of(path)}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_named_file_of_ours_is_there(path: Path) -> None:
    for name in NAMED.findall(prose(path)):
        candidates = [ROOT / name, PACKAGE / name, path.parent / name]
        first = name.split("/")[0]  # of an absolute path, which is not ours, nothing
        ours = first in FOLDERS or (bool(first) and (PACKAGE / first).is_dir())
        if ours and not any(word in name for word in ("NAME", "PID", "ISSUE", "*")):
            assert any(place.exists() for place in candidates), f"{name_of(path)}: {name}"


def test_the_main_path_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (path,) = re.findall(
        r"^## The main path$.*?^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    steps = re.findall(r"^ *(?:→ )?([a-z]+/[a-z_]+\.(?:py|c))", path, re.MULTILINE)
    assert len(steps) > 5
    for name in steps:
        assert (PACKAGE / name).exists() or (ROOT / name).exists(), name


def test_each_decision_has_its_four_parts() -> None:
    for number, path in enumerate(sorted((ROOT / "docs" / "decisions").glob("0*.md")), 1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04d}-"), name_of(path)
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert headings == ["Context", "Choice", "Price", "When to undo"], name_of(path)
        assert len(text.splitlines()) <= 70, f"{name_of(path)} is more than a page"


def test_change_notes_are_sentences_for_users() -> None:
    for path in (ROOT / "changes").glob("*.md"):
        if path.name == "README.md":
            continue
        issue, kind = path.name.removesuffix(".md").split(".")
        assert re.fullmatch(r"\d+(-[a-z-]+)?", issue), name_of(path)
        assert kind in KINDS, name_of(path)
        assert path.read_text(encoding="utf-8").strip().endswith("."), name_of(path)


def test_the_version_is_said_once_for_all() -> None:
    import tomllib

    import wardian

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["version"] == wardian.__version__
    assert re.search(
        rf"^## {wardian.__version__}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_written_down() -> None:
    wrong = re.compile(
        r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|quay\.io|ghcr\.io"
        r"|docker\.io(?! +dockerd)|/root/\.pyenv|/work/(main|shared)"
    )
    for path in files():
        if path == Path(__file__).resolve() or path.suffix == ".json":
            continue
        # What a name without a host means is docker's rule, and this file's job.
        hub = name_of(path) == "src/wardian/registry/reference.py"
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").split("\n"), 1
        ):
            allowed = hub and line.startswith("HUB")
            assert allowed or not wrong.search(line), f"{name_of(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=name_of)
def test_an_example_says_first_what_it_needs(path: Path) -> None:
    assert re.match(r'"""Needs ', path.read_text(encoding="utf-8"))
