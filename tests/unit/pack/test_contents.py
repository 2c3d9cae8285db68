"""What an image will hold: each path once, with its reasons, below no link."""

import os
from pathlib import Path

import pytest

from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_headers import Entry
from wardian.pack.contents import Contents, resolve


def test_a_file_is_there_once_with_all_reasons(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    contents = Contents()
    contents.file("/f", str(tmp_path / "f"), "one", "g")
    contents.file("/f", str(tmp_path / "f"), "two", "h")
    contents.file("/f", str(tmp_path / "f"), "one", "h")
    assert contents.things["/f"].reasons == ["one", "two"]
    assert contents.size_bytes == 3
    with pytest.raises(errors.KernelError, match="stat"):
        contents.file("/g", str(tmp_path / "none"), "", "g")
    with pytest.raises(errors.UsageError, match="is no file"):
        contents.file("/g", str(tmp_path), "", "g")


def test_what_is_below_a_link_goes_to_where_it_leads() -> None:
    contents = Contents()
    contents.link("/bin", "usr/bin", "", "g")
    contents.link("/a", "/bin/x", "", "g")
    contents.data("/bin/job", b"1", "asked for", "g")
    contents.data("/a/../deep", b"2", "", "g")
    contents.settle()
    assert set(contents.things) == {"/bin", "/a", "/usr/bin/job", "/usr/bin/deep"}
    assert contents.things["/usr/bin/job"].reasons == ["asked for"]


def test_a_path_is_followed_with_its_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "up").symlink_to("/link/../link/file")
    found = resolve("/up", str(tmp_path))
    assert found == (
        "/real/file",
        [("/up", "/link/../link/file"), ("/link", "real"), ("/link", "real")],
    )
    assert resolve("/none/x", str(tmp_path)) == ("", [])
    assert resolve("/loop", str(tmp_path))[0] == ""


def test_a_tree_comes_without_what_is_left_out(tmp_path: Path) -> None:
    for name in ("a.py", "a.pyc", "__pycache__/a.pyc", "sub/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    contents = Contents()
    contents.tree("/t", str(tmp_path), "why", "g", without=("__pycache__", ".pyc"))
    assert set(contents.things) == {"/t", "/t/a.py", "/t/sub", "/t/sub/b"}


def test_a_package_s_device_is_refused_and_its_hard_link_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "0").write_bytes(b"data")
    contents = Contents()
    entry = Entry(tar_headers.FILE, b"./usr/a")
    entry.size, entry.mode = 4, 0o755
    contents.entry("/usr/a", entry, str(tmp_path / "0"), why="w", group="g")
    link = Entry(tar_headers.HARD_LINK, b"./usr/b")
    link.target = b"./usr/a"
    contents.entry("/usr/b", link, "", why="w", group="g")
    assert contents.things["/usr/b"].source == contents.things["/usr/a"].source
    with pytest.raises(errors.SpecError, match="device"):
        contents.entry("/d", Entry(tar_headers.BLOCK_DEVICE, b"d"), "", why="w", group="g")


def test_what_is_left_out_of_a_tree_are_whole_names_and_ends(tmp_path: Path) -> None:
    for name in ("test/a", "unittest/b", "__pycache__/c", "d.pyc", "pyc", "config-linux-gnu/e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    made = Contents()
    made.tree("/lib", str(tmp_path), "", "", without=("test", "__pycache__", ".pyc", "-linux-gnu"))
    files = {path for path in made.things if "." not in path and path.count("/") > 1}
    assert files == {"/lib/unittest", "/lib/unittest/b", "/lib/pyc"}
