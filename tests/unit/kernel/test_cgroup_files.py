"""Lists, flat-keyed files and pressure are read as the kernel writes them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import KernelError
from wardian.kernel import cgroup_files as files


@given(st.frozensets(st.integers(0, files.MAXIMUM_CPU), max_size=40))
def test_a_list_of_numbers_survives_the_round_trip(numbers: frozenset[int]) -> None:
    text = files.format_cpulist(numbers)
    if numbers:
        assert files.parse_cpulist(text) == numbers


def test_a_list_is_written_in_its_shortest_form() -> None:
    assert files.format_cpulist({3, 1, 2, 0, 8}) == "0-3,8"
    assert files.parse_cpulist(" 0-3,8 \n") == frozenset((0, 1, 2, 3, 8))


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "-1", "3-1", "0-99999999999", "1,,2", "²", "0-6:2/3"]
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='"'):
        files.parse_cpulist(text)


@given(st.text(max_size=30))
def test_any_text_is_a_list_or_a_value_error(text: str) -> None:
    try:
        assert len(files.parse_cpulist(text)) <= files.MAXIMUM_CPU + 1
    except ValueError:
        pass


def test_flat_keys_are_numbers_by_name() -> None:
    assert files.parse_pairs("low 0\noom_kill 3\nbad x\n") == {"low": 0, "oom_kill": 3}


def test_pressure_is_read_by_kind() -> None:
    text = "some avg10=1.50 avg60=0.00 avg300=0.00 total=99\nfull avg10=0.10 total=7\n"
    found = files.parse_pressure(text)
    assert found["some"]["avg10"] == 1.5
    assert found["full"] == {"avg10": 0.1, "total": 7}


def test_a_refused_write_names_file_and_value(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r'write\("/.*/pids.max", "7"\): no such file'):
        files.write(f"{tmp_path}/pids.max", "7")


def test_make_makes_the_parents_and_prepares_them(tmp_path: Path) -> None:
    prepared: list[str] = []
    files.make(f"{tmp_path}/a/b/c", below=str(tmp_path), prepare=prepared.append)
    assert prepared == [f"{tmp_path}/a", f"{tmp_path}/a/b"]
    assert files.tree(f"{tmp_path}/a") == [f"{tmp_path}/a{end}" for end in ("", "/b", "/b/c")]


def test_writes_are_equal_by_what_they_write() -> None:
    one = files.CgroupWrite("pids", "pids.max", "7", "pids limit")
    assert one == files.CgroupWrite("pids", "pids.max", "7", "another word")
    assert hash(one) == hash(files.CgroupWrite("pids", "pids.max", "7", ""))
    assert one != files.CgroupWrite("pids", "pids.max", "8", "pids limit")
