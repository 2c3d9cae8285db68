"""Changes of made-up upper layers, told as `docker diff` does."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.kernel import overlay


class Pair:
    """An upper and a lower directory."""

    def __init__(self, top: Path) -> None:
        self.upper = top / "upper"
        self.lower = top / "lower"
        self.upper.mkdir()
        self.lower.mkdir()

    def put(self, *names: str) -> None:
        """Make files, and for names that end with "/" directories: "u/..." upper, "l/..." lower."""
        for name in names:
            side, _slash, rest = name.partition("/")
            path = (self.upper if side == "u" else self.lower) / rest
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()

    def even(self) -> None:
        """Give all directories the same times, as copying up does."""
        for side in (self.upper, self.lower):
            for directory, _names, _files in os.walk(side):
                os.utime(directory, (1, 1))

    def changes(self, prefix: str = "") -> list[str]:
        found = overlay.changes(str(self.upper), str(self.lower), prefix)
        return [str(change) for change in found]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_an_empty_upper_layer_changes_nothing(pair: Pair) -> None:
    pair.put("l/a/b")
    assert pair.changes() == []


def test_files_are_added_and_changed_with_their_directories(pair: Pair) -> None:
    pair.put("l/etc/old", "l/var/x", "u/etc/new", "u/etc/old", "u/opt/deep/file", "u/var/")
    pair.even()
    assert pair.changes() == [
        "C /etc",
        "A /etc/new",
        "C /etc/old",
        "A /opt",
        "A /opt/deep",
        "A /opt/deep/file",
    ]


def test_a_change_far_below_shows_in_every_directory_above(pair: Pair) -> None:
    pair.put("l/a/b/c/d", "u/a/b/c/d")
    pair.even()
    assert pair.changes() == ["C /a", "C /a/b", "C /a/b/c", "C /a/b/c/d"]


def test_a_directory_with_another_mode_or_time_is_changed(pair: Pair) -> None:
    pair.put("l/a/", "l/b/", "l/c/", "u/a/", "u/b/", "u/c/")
    pair.even()
    (pair.upper / "a").chmod(0o700)
    os.utime(pair.upper / "c", (2, 2))
    assert pair.changes() == ["C /a", "C /c"]


def test_types_that_changed_count_as_changes(pair: Pair) -> None:
    pair.put("l/was-dir/x", "u/was-dir", "l/was-file", "u/was-file/x")
    (pair.lower / "link").symlink_to("was-dir")
    pair.put("u/link/x")
    pair.even()
    assert pair.changes() == ["C /link", "A /link/x", "C /was-dir", "C /was-file", "A /was-file/x"]


def test_links_are_never_followed(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/x").touch()
    pair.put("l/a/", "u/a/x")
    (pair.upper / "link").symlink_to(tmp_path / "secret")
    (pair.lower / "a").rmdir()
    (pair.lower / "a").symlink_to(tmp_path / "secret")
    assert pair.changes() == ["C /a", "A /a/x", "A /link"]


def test_a_prefix_goes_before_all_paths_and_shows_itself(pair: Pair) -> None:
    pair.put("u/x")
    assert pair.changes("/usr/local") == ["C /usr", "C /usr/local", "A /usr/local/x"]
    assert pair.changes("/") == ["A /x"]


def test_an_opaque_directory_hides_what_is_below(pair: Pair) -> None:
    pair.put("l/d/gone", "l/d/both", "l/d/sub/gone", "u/d/both", "u/d/sub/new", "u/d/new")
    os.setxattr(pair.upper / "d", "user.overlay.opaque", b"y")
    pair.even()
    assert pair.changes() == [
        "C /d",
        "C /d/both",
        "D /d/gone",
        "A /d/new",
        "C /d/sub",
        "D /d/sub/gone",
        "A /d/sub/new",
    ]


def test_whiteouts_can_be_files_with_an_attribute(pair: Pair) -> None:
    pair.put("l/d/a", "l/d/b", "u/d/a", "u/d/b")
    for name in ("a", "b"):
        os.setxattr(pair.upper / "d" / name, "user.overlay.whiteout", b"y")
    pair.even()
    assert pair.changes() == ["C /d", "C /d/a", "C /d/b"]
    os.setxattr(pair.upper / "d", "user.overlay.opaque", b"x")
    (pair.upper / "d/b").write_text("not empty")
    assert pair.changes() == ["C /d", "D /d/a", "C /d/b"]


def test_the_order_is_that_of_the_bytes(pair: Pair) -> None:
    pair.put("u/a/x", "u/a-b", "u/a.b", "u/é", "u/Z")
    assert pair.changes() == ["A /Z", "A /a", "A /a-b", "A /a.b", "A /a/x", "A /é"]


def test_names_are_safe_for_a_terminal(pair: Pair) -> None:
    for name in (b"a\nD x", b"\x1b[31m", b"\xff", b"back\\slash", "\u202egpj".encode()):
        (pair.upper / os.fsdecode(name)).touch()
    assert pair.changes() == [
        r"A /\x1b[31m",
        r"A /a\nD x",
        r"A /back\\slash",
        r"A /\u202egpj",
        r"A /\xff",
    ]


@given(st.text())
def test_any_name_becomes_printable(name: str) -> None:
    shown = overlay.printable(name)
    assert shown.isprintable()
    assert (shown == name) == (name.isprintable() and "\\" not in name)


def test_what_no_path_can_name_is_not_told(pair: Pair) -> None:
    fd = os.open(pair.upper, os.O_RDONLY)
    for _ in range(50):
        os.mkdir("d" * 200, dir_fd=fd)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    found = pair.changes()
    assert 15 < len(found) < 25


def test_changes_can_be_compared() -> None:
    one = overlay.Change("A", "/x")
    assert one == overlay.Change("A", "/x")
    assert one != overlay.Change("C", "/x")
    assert one != "A /x"
    assert len({one, overlay.Change("A", "/x")}) == 1
    assert repr(one) == "Change('A', '/x')"


# ---- mount points ----

MOUNTS = ["/data/deep", "/dev", "/file"]


@pytest.fixture
def upper(tmp_path: Path) -> str:
    for name in ("data/deep", "dev", "mine"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_bytes(b"")
    return str(tmp_path)


def left(upper: str, *changes: str) -> list[str]:
    rows = [
        overlay.Change(*change.split(" ")) for change in sorted(changes, key=lambda text: text[2:])
    ]
    return sorted(overlay.only_mounted_on(rows, MOUNTS, upper))


def test_mount_points_and_what_leads_to_them_are_found(upper: str) -> None:
    found = left(upper, "A /data", "A /data/deep", "A /dev", "A /file", "A /mine")
    assert found == ["/data", "/data/deep", "/dev", "/file"]


def test_a_directory_with_something_of_its_own_stays(upper: str) -> None:
    assert left(upper, "A /data", "A /data/deep", "A /data/x") == ["/data/deep"]
    assert left(upper, "A /data", "A /data/deep", "A /data/deep/x") == []


def test_what_the_base_has_is_never_left_out(upper: str) -> None:
    assert left(upper, "C /data", "A /data/deep", "C /dev") == ["/data/deep"]
    assert left(upper, "D /dev") == []


def test_a_file_with_content_is_the_program_s(upper: str) -> None:
    Path(upper, "file").write_text("x")
    assert left(upper, "A /file", "A /data") == []
