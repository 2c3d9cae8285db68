"""The host base is made once, found again, and removed when it is old and nobody uses it."""

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wardian import errors
from wardian.engine import hostbase, skeleton


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A WARDIAN_ROOT, with a skeleton that is quick to write."""

    def write(path: str, system: tuple[str, ...]) -> None:
        os.mkdir(path)
        for name in system:
            os.mkdir(path + name)

    monkeypatch.setattr(skeleton, "write", write)
    yield str(tmp_path)
    hostbase.forget()


def bases(root: str) -> list[str]:
    return sorted(os.listdir(f"{root}/bases"))


def test_the_second_call_finds_what_the_first_made(root: str) -> None:
    first = hostbase.prepare(root)
    assert hostbase.prepare(root) is first
    hostbase.forget()
    second = hostbase.prepare(root)
    assert second.parts == first.parts
    assert len(bases(root)) == 1
    assert first.parts[0] == ("/", f"{root}/bases/{bases(root)[0]}/root")
    assert ("/usr", "/usr") in first.parts
    assert first.identity == "host"


def test_a_changed_host_gets_a_new_skeleton(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Path(root) / "watched"
    watched.write_text("one")
    monkeypatch.setattr(hostbase, "_WATCHED", (str(watched),))
    monkeypatch.setattr(hostbase, "_TRUST_S", -1)
    first = hostbase.prepare(root)
    assert hostbase.prepare(root) is first
    watched.write_text("another")
    assert hostbase.prepare(root).parts[0] != first.parts[0]
    watched.unlink()
    hostbase.prepare(root)
    assert len(bases(root)) == 3


def test_a_process_does_not_look_before_each_box(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hostbase.prepare(root)
    monkeypatch.setattr(hostbase, "_key", lambda: pytest.fail("looked again"))
    assert hostbase.prepare(root) is first


def test_many_makers_at_once_agree(root: str) -> None:
    found: list[hostbase.Base] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        found.append(hostbase.prepare(root))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({base.parts for base in found}) == 1
    assert len(bases(root)) == 1
    for fd in {base.lock_fd for base in found} - {hostbase.prepare(root).lock_fd}:
        os.close(fd)


def make_old(root: str, name: str, *, locked: bool = False) -> int:
    path = f"{root}/bases/{name}"
    os.makedirs(f"{path}/root")
    os.utime(path, (1, 1))
    if not locked:
        return -1
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


def test_a_new_skeleton_sweeps_old_ones_that_nobody_holds(root: str) -> None:
    held = make_old(root, "host-1", locked=True)
    make_old(root, "host-2")
    make_old(root, ".tmp-3")
    os.makedirs(f"{root}/bases/host-4")  # young
    os.makedirs(f"{root}/bases/.tmp-5/root")  # its maker was killed just now
    os.makedirs(f"{root}/bases/other")
    base = hostbase.prepare(root)
    mine = base.parts[0][1].split("/")[-2]
    assert bases(root) == sorted(["host-1", "host-4", "other", mine])
    os.close(held)
    assert hostbase.sweep(root, keep=mine) == 1
    assert "host-1" not in bases(root)


def test_what_this_process_uses_is_never_swept(root: str) -> None:
    base = hostbase.prepare(root)
    path = os.path.dirname(base.parts[0][1])
    os.utime(path, (1, 1))
    assert hostbase.sweep(root) == 0
    hostbase.forget()
    assert hostbase.sweep(root) == 1


def test_a_skeleton_without_its_list_is_not_used(root: str) -> None:
    hostbase.prepare(root)
    hostbase.forget()
    path = f"{root}/bases/{bases(root)[0]}"
    os.unlink(f"{path}/parts")
    with pytest.raises(errors.StatusError, match="was removed while it was made"):
        hostbase.prepare(root)


def test_mounts_below_a_part_are_parts_or_binds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from wardian.kernel import mountinfo

    (tmp_path / "usr/local").mkdir(parents=True)
    (tmp_path / "usr/drivers").mkdir()
    (tmp_path / "usr/file").touch()
    lines = [
        f"1 0 0:1 / {tmp_path}/usr{name} rw - {kind} x rw\n"
        for name, kind in (("", "ext4"), ("/local", "xfs"), ("/drivers", "9p"), ("/file", "ext4"))
    ]
    text = "".join(lines).encode()
    monkeypatch.setattr(mountinfo, "read", lambda: list(mountinfo.parse(text)))
    monkeypatch.setattr(hostbase, "SYSTEM", (f"{tmp_path}/usr",))
    parts, binds = hostbase._parts()
    assert parts == [f"{tmp_path}/usr", f"{tmp_path}/usr/local"]
    assert binds == [f"{tmp_path}/usr/drivers", f"{tmp_path}/usr/file"]


def test_a_host_without_usr_is_refused(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    real = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: path != "/usr/lib" and real(path))
    with pytest.raises(errors.UnsupportedError, match='there is no "/usr/lib"') as caught:
        hostbase.prepare(root)
    assert "--rootfs" in caught.value.hint


def test_a_root_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "bases").touch()
    with pytest.raises(errors.KernelError, match="bases"):
        hostbase.prepare(str(tmp_path))
