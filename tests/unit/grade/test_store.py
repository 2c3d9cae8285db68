"""Results on disk: whole, and taken again only where they would come out the same."""

import json
import os
from pathlib import Path

import pytest

from tests.unit.grade.problems import result
from wardian.errors import KernelError
from wardian.grade.results import Judgement, SubmissionResult
from wardian.grade.store import Store, write


def same_version(_language: str) -> str:
    return "Python 3"


def load(store: Store, name: str = "a.py", digest: str = "d") -> SubmissionResult | None:
    return store.load(name, digest, "f", same_version)


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(result())
    assert load(store) == result()


def test_a_name_that_is_no_utf_8_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = os.fsdecode(b"\xff\n../x.py")
    store.save(result(name))
    found = load(store, name)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("name", ["a/../../x", "...", "", "x" * 300, "\n", "CON", "\u202e"])
def test_a_result_lies_in_its_directory_whatever_the_name(name: str, tmp_path: Path) -> None:
    path = Path(Store(tmp_path).path_of(name))
    assert path.parent == tmp_path / "results"
    assert path.name.isascii()
    assert len(path.name) < 100
    assert not path.name.startswith(".")


def test_different_names_have_different_files(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.path_of("a\n") != store.path_of("a_")


def test_another_submission_problem_or_compiler_is_graded_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(result())
    assert load(store, digest="other") is None
    assert store.load("a.py", "d", "other", same_version) is None
    assert store.load("a.py", "d", "f", lambda _language: "Python 4") is None
    assert load(store, name="b.py") is None


def test_a_failure_of_the_judge_is_tried_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(result(judgement=Judgement.JUDGE_ERROR))
    assert load(store) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"format": 1}', b'{"format": 1, "result": {}}', b"\xff"],
)
def test_a_damaged_result_is_none(content: bytes, tmp_path: Path) -> None:
    store = Store(tmp_path)
    Path(store.path_of("a.py")).write_bytes(content)
    assert load(store) is None


def test_a_result_of_another_format_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(result())
    path = Path(store.path_of("a.py"))
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": 99}))
    assert load(store) is None


def test_writing_leaves_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write(str(path), b"one")
    write(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["x"]
    with pytest.raises(KernelError, match="no such file"):
        write(str(tmp_path / "no" / "x"), b"")
