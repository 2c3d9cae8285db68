"""The smallest initial file system: busybox, one driver, and guest/boot.sh as its init.

Format: Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
"""

import stat
from pathlib import Path

BOOT = Path(__file__).resolve().parent / "guest" / "boot.sh"
DIRECTORIES = ("bin", "dev", "proc", "sys", "root")


def build(image: Path) -> bytes:
    """Return the archive, of an image's busybox and driver."""
    entries = [_entry(name, stat.S_IFDIR | 0o755, b"") for name in DIRECTORIES]
    for name, path in (("bin/busybox", image / "busybox"), ("init", BOOT)):
        entries.append(_entry(name, stat.S_IFREG | 0o755, path.read_bytes()))
    driver = (image / "virtio_blk.ko").read_bytes()
    entries.append(_entry("virtio_blk.ko", stat.S_IFREG | 0o644, driver))
    entries.append(_entry("TRAILER!!!", 0, b""))
    return b"".join(entries)


def _entry(name: str, mode: int, data: bytes) -> bytes:
    path = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (0, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
