"""What differs between two trees, and the layer that says it."""

import os
from pathlib import Path

import pytest

from wardian import errors
from wardian.images import tree_comparison, tree_packer
from wardian.images.tar_reader import Reader


def plant(top: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("->"):
            path.symlink_to(content[2:])
        else:
            path.write_text(content)
    for path in sorted(top.rglob("*"), reverse=True):
        os.utime(path, ns=(0, 0), follow_symlinks=False)
    os.utime(top, ns=(0, 0))
    return top


def difference(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> list[bytes]:
    below = plant(tmp_path / "below", before)
    above = plant(tmp_path / "above", after)
    pieces: list[bytes] = []
    tree_packer.pack_difference(str(below), str(above), lambda piece: pieces.append(bytes(piece)))
    return [one.path for one in Reader(pieces)]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"a": "1"}, {"a": "1"}, []),
        ({"a": "1"}, {"a": "2"}, [b"a"]),
        ({"a": "1"}, {}, [b".wh.a"]),
        ({}, {"a": "1"}, [b"a"]),
        ({"d/a": "1", "d/b": "1"}, {"d/b": "1"}, [b"d/", b"d/.wh.a"]),
        ({"d/a": "1"}, {"d": "1"}, [b"d"]),
        ({"d": "1"}, {"d/a": "1"}, [b"d/", b"d/a"]),
        ({"d/e/a": "1"}, {"d/e/a": "1", "d/e/b": "1"}, [b"d/", b"d/e/", b"d/e/b"]),
        ({"a": "->x"}, {"a": "->y"}, [b"a"]),
        ({"a": "->x"}, {"a": "->x"}, []),
        ({}, {"d/e/": "", "d/e/f": "1"}, [b"d/", b"d/e/", b"d/e/f"]),
        ({"a": "1", "b": "1"}, {"b": "1", "c": "1"}, [b".wh.a", b"c"]),
    ],
)
def test_a_layer_says_what_differs(
    tmp_path: Path, before: dict[str, str], after: dict[str, str], says: list[bytes]
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "above").mkdir()
    assert difference(tmp_path, before, after) == [b"./", *says]


def test_equal_times_and_sizes_are_not_believed(tmp_path: Path) -> None:
    assert difference(tmp_path, {"a": "one"}, {"a": "two"}) == [b"./", b"a"]


def test_a_directory_counts_by_itself(tmp_path: Path) -> None:
    below = plant(tmp_path / "below", {"d/a": "1"})
    above = plant(tmp_path / "above", {"d/a": "1"})
    (above / "d").chmod(0o700)
    found = tree_comparison.compare(str(below), str(above))
    assert found.changed == {b"", b"d"}
    assert found.gone == {}


def test_a_name_that_means_a_whiteout_can_t_be_packed(tmp_path: Path) -> None:
    plant(tmp_path / "tree", {"d/.wh.x": "1"})
    with pytest.raises(errors.SpecError, match="its name means a whiteout"):
        tree_packer.pack_tree(str(tmp_path / "tree"), lambda _piece: None)
