"""Rules for layers: times, owners, modes, attributes, compiled Python modules."""

import importlib._bootstrap_external as external
import struct

import pytest

from wardian import errors
from wardian.images import normal, tar_headers
from wardian.images.normal import Rules
from wardian.images.tar_headers import Entry

NS = 1_000_000_000


def entry(kind: bytes = tar_headers.FILE, path: bytes = b"a", mode: int = 0o664) -> Entry:
    made = Entry(kind, path)
    made.mode, made.uid, made.gid = mode, 1000, 1001
    made.mtime_ns = 2000 * NS + 5
    return made


def test_times_are_clamped_and_whole_and_never_before_1970() -> None:
    late, early, ancient = entry(), entry(), entry()
    early.mtime_ns = 7 * NS + 999
    ancient.mtime_ns = -1
    for one in (late, early, ancient):
        Rules(1000).apply(one)
    assert [one.mtime_ns // NS for one in (late, early, ancient)] == [1000, 7, 0]
    assert not any(one.mtime_ns % NS for one in (late, early, ancient))


def test_fixed_times_are_all_the_same() -> None:
    early = entry()
    early.mtime_ns = 7 * NS
    Rules(1000, fixed=True).apply(early)
    assert early.mtime_ns == 1000 * NS


def test_owners_stay_unless_one_is_named() -> None:
    one = entry()
    Rules(0).apply(one)
    assert (one.uid, one.gid) == (1000, 1001)
    Rules(0, owner=(0, 5)).apply(one)
    assert (one.uid, one.gid) == (0, 5)


@pytest.mark.parametrize(
    ("kind", "mode", "wanted"),
    [
        (tar_headers.FILE, 0o664, 0o644),
        (tar_headers.FILE, 0o600, 0o644),
        (tar_headers.FILE, 0o775, 0o755),
        (tar_headers.FILE, 0o4711, 0o4755),
        (tar_headers.DIRECTORY, 0o2770, 0o2755),
        (tar_headers.SYMLINK, 0o700, 0o777),
    ],
)
def test_modes_are_those_of_git(kind: bytes, mode: int, wanted: int) -> None:
    one = entry(kind, mode=mode)
    Rules(0, modes="git").apply(one)
    assert one.mode == wanted


def test_modes_are_kept_where_nothing_was_asked() -> None:
    one = entry(mode=0o640)
    Rules(0).apply(one)
    assert one.mode == 0o640


def test_only_attributes_that_mean_the_same_elsewhere_stay() -> None:
    one = entry()
    one.xattrs = {
        b"user.b": b"2",
        b"security.capability": b"1",
        b"security.selinux": b"x",
        b"trusted.t": b"x",
        b"user.overlay.opaque": b"y",
        b"system.posix_acl_access": b"x",
    }
    Rules(0).apply(one)
    assert list(one.xattrs.items()) == [(b"security.capability", b"1"), (b"user.b", b"2")]


def pyc(mtime: int, flags: int = 0) -> bytes:
    return external.MAGIC_NUMBER + struct.pack("<III", flags, mtime, 99) + b"code" * 9


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_a_compiled_module_names_the_time_that_its_source_has_then(piece: int) -> None:
    data = pyc(2000)
    parts = [data[at : at + piece] for at in range(0, len(data), piece)]
    made = b"".join(Rules(1000).content(entry(path=b"x/a.pyc"), parts))
    assert made == pyc(1000)


def test_a_compiled_module_that_is_older_or_names_a_hash_stays() -> None:
    for data in (pyc(500), pyc(2000, flags=1), b"short", b"", b"no python" * 9):
        assert b"".join(Rules(1000).content(entry(path=b"a.pyc"), [data])) == data
    assert b"".join(Rules(1000).content(entry(path=b"a.bin"), [pyc(2000)])) == pyc(2000)


def test_rules_go_to_another_process_as_words() -> None:
    for rules in (Rules(5), Rules(7, fixed=True, owner=(1, 2), modes="git")):
        again = normal.of_words(rules.words())
        assert again.words() == rules.words()
        assert (again.epoch_s, again.fixed, again.owner) == (
            rules.epoch_s,
            rules.fixed,
            rules.owner,
        )


def test_source_date_epoch_is_read_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert normal.source_date_epoch(9) == 9
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert normal.source_date_epoch() == 1700000000
    for text in ("soon", "-1", "1.5", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
        with pytest.raises(errors.UsageError, match="SOURCE_DATE_EPOCH"):
            normal.source_date_epoch()
