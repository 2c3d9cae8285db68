"""Room for what a box is brought."""

from pathlib import Path

from wardian.grade.boxes import MEBIBYTE, with_room
from wardian.sandbox.limits import Limits


def test_files_that_are_brought_cost_the_program_nothing(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3 * MEBIBYTE))
    base = Limits(disk_bytes=MEBIBYTE, inodes=100)
    found = with_room(base, {"a": b"x", "d/big": str(tmp_path / "big")})
    assert found.disk_bytes == 5 * MEBIBYTE
    assert found.inodes == 164


def test_small_differences_need_no_other_sandbox() -> None:
    base = Limits()
    assert with_room(base, {"a": bytes(10)}) == with_room(base, {"a": bytes(100_000)})
