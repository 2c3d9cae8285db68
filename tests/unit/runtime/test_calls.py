"""Steps that are plain system calls."""

import re
import struct
from pathlib import Path

import pytest

from wardian.kernel import capabilities
from wardian.runtime import calls

GENERIC = Path("/usr/include/asm-generic/unistd.h")
X86_64 = sorted(Path("/usr/include").glob("x86_64-*/asm/unistd_64.h"))  # Debian 13 has all


def numbers(header: Path) -> dict[str, int]:
    text = header.read_text()
    return {
        name.removeprefix("3264_"): int(value)
        for name, value in re.findall(r"#define __NR_?(\w+) (\d+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("table", "header"),
    [(calls._X86_64, X86_64[0] if X86_64 else GENERIC), (calls._GENERIC, GENERIC)],
)
def test_the_numbers_are_the_headers(table: dict[str, int], header: Path) -> None:
    known = {name.lstrip("_"): value for name, value in numbers(header).items()}
    assert {name: known.get(name) for name in table} == table


def test_both_tables_have_the_same_calls() -> None:
    assert calls._X86_64.keys() == calls._GENERIC.keys()


def test_a_user_is_five_calls_and_four_where_groups_can_t_be_set() -> None:
    assert len(calls.rows("user", (1, 2, b"", 1))) == 5
    rows = calls.rows("user", (1, 2, b"", 0))
    assert [row[0] for row in rows].count(calls.number("setgroups")) == 0
    assert rows[1] == (calls.number("setresgid"), 2, 2, 2, 0, 0, b"")


def test_every_capability_that_is_not_kept_is_dropped() -> None:
    rows = calls.rows("bounding", (1 << capabilities.CAP_CHOWN,))
    dropped = {row[2] for row in rows}
    assert dropped == set(range(capabilities.last() + 1)) - {capabilities.CAP_CHOWN}


def test_capset_finds_header_and_sets_in_the_data() -> None:
    high = 1 << capabilities.CAP_BPF
    rows = calls.rows("capabilities", (1, 3, high, 1))
    number, first, second, *_others, data = rows[1]
    assert (number, first, second) == (calls.number("capset"), calls.IN_DATA, calls.IN_DATA + 8)
    assert isinstance(data, bytes)
    assert struct.unpack("=Ii6I", data)[2:] == (1, 3, 0, 0, 0, high >> 32)
    assert rows[2][:4] == (calls.number("prctl"), calls.PR_CAP_AMBIENT, 2, 0)


def test_a_name_goes_with_its_length() -> None:
    (row,) = calls.rows("hostname", ("gläsern",))
    assert row == (calls.number("sethostname"), calls.IN_DATA, 8, 0, 0, 0, "gläsern".encode())
