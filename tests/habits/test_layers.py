"""One picture in three places: ARCHITECTURE.md, the folders, import-linter's layers."""

import re
import tomllib

from tests.habits.project import PACKAGE, ROOT

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]


def contract(kind: str) -> dict[str, list[str]]:
    """The import-linter contract of a kind; the first, where there are more."""
    return dict(next(one for one in SETTINGS["contracts"] if one["type"] == kind))


def layers() -> list[list[str]]:
    """The layers from the top, each a list of names."""
    return [re.findall(r"\w+", row) for row in contract("layers")["layers"]]


def packages() -> set[str]:
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def test_the_picture_shows_the_layers_in_their_order() -> None:
    picture = re.findall(r"^ +layer (\d) +[│|] ([^│]*)│", ARCHITECTURE, re.MULTILINE)
    assert [int(number) for number, _row in picture] == sorted(
        (int(number) for number, _row in picture), reverse=True
    )
    known = {name for row in layers() for name in row}
    shown = [
        [word for word in re.findall(r"\w+", row) if word in known] for _number, row in picture
    ]
    assert shown == layers()


def test_every_folder_is_a_layer() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__", "begin"}
    assert {name for row in layers() for name in row} == packages() | modules


def test_every_package_says_its_layer() -> None:
    said = {}
    for path in PACKAGE.glob("*/__init__.py"):
        match = re.match(r'"""Layer (\d)\. ', path.read_text(encoding="utf-8"))
        assert match, f"{path}: the docstring begins with the layer's number"
        said[path.parent.name] = int(match[1])
    order = [name for row in layers() for name in row if name in said]
    assert order == sorted(order, key=lambda name: -said[name])
    assert set(order) == set(said)


def test_the_other_contracts_know_every_package() -> None:
    assert set(contract("acyclic_siblings")["ancestors"]) == {
        "wardian",
        *(f"wardian.{name}" for name in packages()),
    }
    everything = {f"wardian.{name}" for row in layers() for name in row}
    assert set(contract("forbidden")["source_modules"]) == everything - {"wardian.kernel"}
