"""Id maps and subordinate ranges."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import idmap

numbers = st.integers(min_value=0, max_value=1 << 33).map(str)
fields = st.one_of(numbers, st.sampled_from(["me", "1000", "", "-1", "0x10", "you", " 7 ", "٣"]))
lines = st.lists(fields, min_size=1, max_size=4).map(":".join)


def test_lines_of_the_name_and_of_the_uid_both_count() -> None:
    text = "# a comment\nyou:1:5\nme:100000:65536\n1000:300000:10 # more\n"
    assert idmap.parse_ranges(text, ("me", "1000")) == [(100000, 65536), (300000, 10)]


@pytest.mark.parametrize(
    "line",
    [
        "me",
        "me:1",
        "me:1:2:3",
        "me:x:1",
        "me:1:0",
        "me:-1:5",
        "me:1:-5",
        "me:4294967294:2",
        "me::",
        "me:99999999999:1",
    ],
)
def test_a_line_that_makes_no_sense_is_skipped(line: str) -> None:
    assert idmap.parse_ranges(f"{line}\nme:10:2\n", ("me",)) == [(10, 2)]


def test_a_range_that_overlaps_an_earlier_one_is_skipped() -> None:
    assert idmap.parse_ranges("me:100:100\nme:150:10\nme:200:5\n", ("me",)) == [
        (100, 100),
        (200, 5),
    ]


def test_more_lines_than_the_kernel_takes_are_left_out() -> None:
    text = "".join(f"me:{1000 + 2 * n}:1\n" for n in range(1000))
    found = idmap.parse_ranges(text, ("me",))
    assert len(idmap.build_map(5, found)) == idmap.MAXIMUM_LINES


@given(st.lists(lines, max_size=30).map("\n".join), st.integers(min_value=0, max_value=70000))
def test_any_file_gives_a_map_that_the_kernel_takes(text: str, own: int) -> None:
    made = idmap.build_map(own, idmap.parse_ranges(text, ("me", "1000")))
    assert made[0] == (0, own, 1)
    expected = 0
    taken: list[tuple[int, int]] = []
    for inside, outside, count in made:
        assert inside == expected
        assert count > 0
        assert all(outside + count <= start or end <= outside for start, end in taken)
        taken.append((outside, outside + count))
        expected += count


def test_a_missing_file_grants_nothing(tmp_path: Path) -> None:
    assert idmap.ranges("me", 1000, str(tmp_path / "subuid")) == []


def test_a_map_is_written_as_the_kernel_reads_it() -> None:
    maps = idmap.Maps(((0, 1000, 1), (1, 100000, 65536)), ((0, 1000, 1),), helper=True)
    assert maps.uid_map == "0 1000 1\n1 100000 65536\n"
    assert maps.gid_map == "0 1000 1\n"


def helper(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(idmap, "PLACES", ())
    return tmp_path


def grant(directory: Path, text: str) -> dict[str, str]:
    for name in ("subuid", "subgid"):
        (directory / name).write_text(text)
    return {name: str(directory / name) for name in ("subuid", "subgid")}


def test_subordinate_ids_are_used_where_ranges_and_helpers_are_there(helpers: Path) -> None:
    files = grant(helpers, "54321:100000:65536\n")
    for name in ("newuidmap", "newgidmap"):
        helper(helpers, name, "exit 0")
    maps = idmap.rootless_maps(54321, 54321, **files)
    assert maps.helper
    assert maps.uid_lines == ((0, 54321, 1), (1, 100000, 65536))


def test_without_a_helper_root_in_the_box_is_the_caller_alone(helpers: Path) -> None:
    files = grant(helpers, "54321:100000:65536\n")
    helper(helpers, "newuidmap", "exit 0")
    maps = idmap.rootless_maps(54321, 7, **files)
    assert not maps.helper
    assert (maps.uid_map, maps.gid_map) == ("0 54321 1\n", "0 7 1\n")


def test_without_a_group_range_no_helper_is_used(helpers: Path) -> None:
    files = grant(helpers, "54321:100000:65536\n")
    Path(files["subgid"]).write_text("")
    for name in ("newuidmap", "newgidmap"):
        helper(helpers, name, "exit 0")
    assert not idmap.rootless_maps(54321, 7, **files).helper


def test_helpers_are_told_the_pid_and_all_lines(helpers: Path) -> None:
    for name in ("newuidmap", "newgidmap"):
        helper(helpers, name, f'echo "$@" > {helpers}/{name}.said')
    maps = idmap.Maps(((0, 5, 1), (1, 100, 10)), ((0, 6, 1),), helper=True)
    idmap.write_maps(77, maps)
    assert (helpers / "newuidmap.said").read_text() == "77 0 5 1 1 100 10\n"
    assert (helpers / "newgidmap.said").read_text() == "77 0 6 1\n"


def test_a_refusal_of_the_helper_is_passed_on_with_a_remedy(helpers: Path) -> None:
    helper(
        helpers, "newuidmap", "echo 'newuidmap: uid range [1-2) -> [3-4) not allowed' >&2; exit 1"
    )
    maps = idmap.Maps(((0, 5, 1),), ((0, 6, 1),), helper=True)
    with pytest.raises(UnsupportedError, match=r"uid range .* not allowed") as caught:
        idmap.write_maps(77, maps)
    assert idmap.SUBUID in caught.value.hint
    assert caught.value.feature == "subordinate ids"


@pytest.mark.usefixtures("helpers")
def test_a_missing_helper_names_its_package() -> None:
    assert not idmap.find_helper("newuidmap")
    with pytest.raises(UnsupportedError) as caught:
        idmap.write_maps(77, idmap.Maps(((0, 5, 1),), ((0, 6, 1),), helper=True))
    assert "uidmap" in caught.value.hint


def test_a_process_that_is_gone_is_a_kernel_error_that_names_the_file() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)
    with pytest.raises(KernelError, match=f"/proc/{pid}/"):
        idmap.write_maps(pid, idmap.Maps(((0, 5, 1),), ((0, 6, 1),), helper=False))
