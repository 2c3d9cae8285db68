"""mountinfo is read as the kernel writes it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import errors
from wardian.kernel import mountinfo

LINE = rb"36 35 98:0 /mnt1 /mnt\0402 rw,noatime shared:1 master:7 - ext3 /dev/ro\134ot rw,errors=go"


def test_a_line_has_all_its_fields() -> None:
    (mount,) = mountinfo.parse(LINE + b"\n")
    assert (mount.mount_id, mount.parent_id, mount.device) == (36, 35, "98:0")
    assert (mount.root, mount.point) == ("/mnt1", "/mnt 2")
    assert mount.options == ("rw", "noatime")
    assert mount.tags == ("shared:1", "master:7")
    assert (mount.type, mount.source) == ("ext3", "/dev/ro\\ot")
    assert mount.super_options == ("rw", "errors=go")


def test_tags_may_lack_and_a_source_may_be_empty() -> None:
    (mount,) = mountinfo.parse(b"1 0 0:1 / / rw -  tmpfs rw\n1 0".split(b"\n")[0])
    assert mount.tags == ()
    (mount,) = mountinfo.parse(b"1 0 0:1 / / rw - tmpfs  rw")
    assert (mount.type, mount.source, mount.super_options) == ("tmpfs", "", ("rw",))


def test_a_dash_in_the_options_is_no_end() -> None:
    (mount,) = mountinfo.parse(b"1 0 0:1 / - - - proc proc rw")
    assert (mount.point, mount.options, mount.type) == ("-", ("-",), "proc")


@pytest.mark.parametrize(
    "line", [b"1", b"1 0 0:1 / / rw proc proc rw", b"x 0 0:1 / / rw - a b c", b"1 0 0:1 / / rw - a"]
)
def test_a_broken_line_is_told_with_its_number(line: bytes) -> None:
    with pytest.raises(errors.SpecError, match="line 2"):
        list(mountinfo.parse(LINE + b"\n" + line))


@given(st.binary(max_size=200))
def test_any_bytes_give_mounts_or_our_error(data: bytes) -> None:
    try:
        list(mountinfo.parse(data))
    except errors.SpecError:
        pass


@given(st.binary(max_size=40))
def test_a_path_comes_back_from_its_escapes(path: bytes) -> None:
    written = b"".join(b"\\%03o" % char if char in b" \t\n\\" else bytes((char,)) for char in path)
    assert os.fsencode(mountinfo.unescape(written)) == path


def test_this_process_has_a_root() -> None:
    points = [mount.point for mount in mountinfo.read()]
    assert "/" in points
    assert mountinfo.below("/proc")[0].type == "proc"
    assert mountinfo.below("/nowhere") == []


def test_a_process_that_is_gone_is_an_error() -> None:
    with pytest.raises(errors.KernelError, match="/proc/0/mountinfo"):
        mountinfo.read(0)
