"""Advice to file systems."""

from pathlib import Path

from wardian.kernel import file_flags


def test_advice_that_nobody_takes_is_no_failure(tmp_path: Path) -> None:
    assert not file_flags.spread_below("/proc/self")
    assert not file_flags.spread_below(str(tmp_path / "missing"))
