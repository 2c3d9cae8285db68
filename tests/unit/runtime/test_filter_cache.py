"""Compiled filters on disk: what is believed, and what is a miss."""

from pathlib import Path

from wardian.runtime import filter_cache
from wardian.runtime.filter_cache import SeccompFilter

FOUND = SeccompFilter("d" * 64, b"12345678" * 4, 4)


def test_what_was_stored_is_found_under_its_own_key_alone(tmp_path: Path) -> None:
    cache = str(tmp_path / "filters")
    filter_cache.store(cache, "slot", "key", FOUND)
    again = filter_cache.load(cache, "slot", "key")
    assert again is not None
    assert (again.digest, again.bpf, again.flags) == (FOUND.digest, FOUND.bpf, FOUND.flags)
    assert filter_cache.load(cache, "slot", "another key") is None
    assert filter_cache.load(cache, "another slot", "key") is None


def test_a_directory_that_others_can_write_is_not_believed(tmp_path: Path) -> None:
    cache = tmp_path / "filters"
    filter_cache.store(str(cache), "slot", "key", FOUND)
    cache.chmod(0o777)
    assert filter_cache.load(str(cache), "slot", "key") is None


def test_a_damaged_file_is_a_miss(tmp_path: Path) -> None:
    filter_cache.store(str(tmp_path / "f"), "slot", "key", FOUND)
    (path,) = (tmp_path / "f").glob("*.bpf")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    assert filter_cache.load(str(tmp_path / "f"), "slot", "key") is None
