"""The base never changes; changes are thrown away, kept, listed, or built upon."""

from pathlib import Path

import pytest

import wardian
from wardian.engine import kept
from wardian.kernel import paths

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path / "wardian"))


@pytest.fixture
def base(busybox_root: Path) -> Path:
    (busybox_root / "data").mkdir()
    (busybox_root / "data" / "old").write_text("old\n")
    (busybox_root / "data" / "gone").write_text("gone\n")
    return busybox_root


CHANGE = """
echo new > /data/old; rm /data/gone; mkdir /data/dir; echo x > /data/dir/file; rm -r /home
ls -A /data
"""


def test_the_base_s_digest_is_the_same_after_a_rewrite(base: Path) -> None:
    before = paths.tree_digest(str(base))
    result = wardian.run(["sh", "-c", CHANGE], rootfs=str(base))
    assert result.stdout.split() == [b"dir", b"old"], result.stderr
    assert paths.tree_digest(str(base)) == before


def test_a_throw_away_layer_is_thrown_away(base: Path) -> None:
    wardian.run(["sh", "-c", CHANGE], rootfs=str(base))
    again = wardian.run(["cat", "/data/old", "/data/gone"], rootfs=str(base))
    assert again.stdout == b"old\ngone\n"


def test_a_kept_layer_is_listed_and_built_upon(base: Path) -> None:
    wardian.run(["sh", "-c", CHANGE], rootfs=str(base), keep="one")
    changes = {(change.kind, change.path) for change in kept.diff("one")}
    assert ("C", "/data/old") in changes
    assert ("D", "/data/gone") in changes
    assert ("A", "/data/dir/file") in changes
    result = wardian.run(["cat", "/data/old", "/data/dir/file"], rootfs=str(base), from_kept="one")
    assert result.stdout == b"new\nx\n"
    wardian.run(["rm", "/data/old"], rootfs=str(base), from_kept="one")
    assert ("D", "/data/old") in {(change.kind, change.path) for change in kept.diff("one")}


def test_a_security_update_over_an_immutable_base() -> None:
    """Row 2 of the requirements, on the host base: replace a library, the host's stays."""
    host = Path("/usr/share/doc")
    before = paths.tree_digest(str(host))
    script = "echo patched > /usr/bin/true; rm -rf /usr/share/doc/*; cat /usr/bin/true"
    result = wardian.run(["sh", "-c", script], keep="update")
    assert result.stdout == b"patched\n", result.stderr
    assert paths.tree_digest(str(host)) == before
    assert Path("/usr/bin/true").read_bytes()[:4] == b"\x7fELF"
    changes = {(change.kind, change.path) for change in kept.diff("update")}
    assert ("C", "/usr/bin/true") in changes


def test_a_kept_name_is_used_once_at_a_time(base: Path) -> None:
    container = wardian.Container(["sleep", "1000"], rootfs=str(base), keep="busy")
    container.start()
    with pytest.raises(wardian.StatusError, match="busy"):
        wardian.run(["true"], rootfs=str(base), from_kept="busy")
    container.kill()
    container.wait()
    assert wardian.run(["true"], rootfs=str(base), from_kept="busy").exit_code == 0
    with pytest.raises(wardian.StatusError, match="busy"):
        wardian.run(["true"], rootfs=str(base), keep="busy")


def test_a_read_only_root_refuses_writes_but_not_tmpfs(base: Path) -> None:
    script = "echo x > /data/new; echo y > /run/ok; cat /run/ok"
    result = wardian.run(["sh", "-c", script], rootfs=str(base), read_only=True, tmpfs=["/run"])
    assert b"ead-only" in result.stderr
    assert result.stdout == b"y\n"


def test_the_writable_layer_can_be_bounded(base: Path) -> None:
    script = "dd if=/dev/zero of=/big bs=1M count=20"
    result = wardian.run(["sh", "-c", script], rootfs=str(base), storage_size="8m")
    assert b"No space left" in result.stderr
