"""Records of images: found as long as the store is what it was, and gone with their images."""

import os
from pathlib import Path

import pytest

from wardian.engine import image_records
from wardian.engine.image_records import Record


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "images/blobs/sha256").mkdir(parents=True)
    (tmp_path / "images/index.json").write_text("{}")
    return str(tmp_path)


def record(root: str, number: int) -> Record:
    digits = f"{number:064x}"
    Path(f"{root}/images/blobs/sha256/{digits}").touch()
    return Record(
        digest=f"sha256:{digits}",
        image_id=f"sha256:{digits}",
        platform="linux/amd64",
        emulated=False,
        diff_ids=[],
        config={"Env": ["A=\udcff"]},
        accounts={"/etc/passwd": "root:\udcff", "/etc/group": None},
        top=(0o755, 0, 0, 1),
        attributes="",
    )


def save(root: str, name: str, number: int, platform: str = "") -> None:
    found = record(root, number)
    image_records.save(found, name, platform, root, before=image_records.state(root))


def digest(root: str, name: str, platform: str = "") -> str | None:
    found = image_records.find(name, platform, root)
    return found.digest[-1:] if found else None


def test_a_record_is_found_by_what_was_typed(root: str) -> None:
    assert digest(root, "app") is None
    save(root, "app", 1)
    save(root, "app", 2, "linux/arm64")
    save(root, "app:latest", 1)
    assert digest(root, "app") == digest(root, "app:latest") == "1"
    assert digest(root, "app", "linux/arm64") == "2"
    assert digest(root, "app", "linux/s390x") is None
    found = image_records.find("app", "", root)
    assert found
    assert found.config == {"Env": ["A=\udcff"]}
    assert found.accounts == {"/etc/passwd": "root:\udcff", "/etc/group": None}
    assert found.identity == f"image {found.digest}"


def test_a_store_that_changed_is_asked_again(root: str) -> None:
    save(root, "app", 1)
    os.utime(f"{root}/images/index.json", ns=(0, 0))
    assert digest(root, "app") is None
    os.unlink(f"{root}/images/blobs/sha256/{1:064x}")
    save(root, "other", 2)
    assert digest(root, "other") == "2"
    assert sorted(os.listdir(f"{root}/cache/images")) == [f"{2:064x}", "names"]


def test_a_store_that_changes_meanwhile_gives_no_name(root: str) -> None:
    before = image_records.state(root)
    os.utime(f"{root}/images/index.json", ns=(0, 0))
    image_records.save(record(root, 1), "app", "", root, before=before)
    assert digest(root, "app") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": 1}', '{"state": [], "images": 7}'])
def test_a_broken_file_is_as_good_as_none(root: str, text: str) -> None:
    save(root, "app", 1)
    Path(f"{root}/cache/images/names").write_text(text)
    assert digest(root, "app") is None
    save(root, "app", 1)
    assert digest(root, "app") == "1"
    Path(f"{root}/cache/images/{1:064x}").write_text(text)
    assert digest(root, "app") is None
