"""Keep compiled seccomp filters on disk.

Facts about the cache
---------------------
Compiling a profile takes some 100 ms with all the imports, reading its bytes 50 us, so the bytes
are kept. A file is named by what it is for and holds the whole key, so that a wrong file is never
taken for the right one. Only a file that is ours and that nobody else can write is believed, and
only when its checksum fits; anything else is a miss. A cache that can't be written is no error.

The checksum and the names come from `hash` of an integer, which is its remainder by a prime:
stable, good against damage, and free of imports. It is no protection against an attacker; the
ownership is.

Kernel: seccomp(2).
"""

import os

_MAGIC = b"wardian seccomp filter 1\n"
_NUMBER_BYTES = 8
_DIGEST_BYTES = 64
_LARGEST_CACHED = 65536
_KERNEL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kernel")
# What the bytes depend on beside the profile: the compiler.
_COMPILER = tuple(
    f"{_KERNEL}/{name}.py" for name in ("bpf", "libseccomp", "seccomp", "syscall_filter")
)

_compiler: list[str] = []


class SeccompFilter:
    """A compiled filter.

    Attributes:
        digest: sha256 of the OCI document that it was compiled from, the same on every machine.
        bpf: the program, an array of `struct sock_filter`.
        flags: for seccomp(2), SECCOMP_SET_MODE_FILTER.
    """

    __slots__ = ("bpf", "digest", "flags")

    def __init__(self, digest: str, bpf: bytes, flags: int) -> None:
        self.digest = digest
        self.bpf = bpf
        self.flags = flags


def stamp(path: str) -> str:
    """Name a file's identity and state; ctime changes with every change of its content.

    Raises:
        OSError: it can't be looked at.
    """
    state = os.stat(path)
    return (
        f"{state.st_dev:x}:{state.st_ino:x}/"
        f"{state.st_size:x}:{state.st_mtime_ns:x}:{state.st_ctime_ns:x}"
    )


def _whole(key: str) -> bytes:
    if not _compiler:
        _compiler.append(" ".join(map(stamp, _COMPILER)))
    return f"{key} {_compiler[0]}".encode()


def _path(cache_dir: str, slot: str) -> str:
    return f"{cache_dir}/{_checksum(slot.encode()):016x}.bpf"


def _checksum(content: bytes) -> int:
    return hash(int.from_bytes(b"\1" + content, "little"))


def load(cache_dir: str, slot: str, key: str) -> SeccompFilter | None:
    """Read a filter; None where there is none to be trusted.

    Args:
        cache_dir: where filters are kept.
        slot: what it is for; there is one file for each.
        key: what it was made from; a file with another key is a miss.
    """
    return _load(cache_dir, _path(cache_dir, slot), _whole(key))


def store(cache_dir: str, slot: str, key: str, found: SeccompFilter) -> None:
    """Write a filter, whole or not at all; that it can't be written is no error."""
    _store(cache_dir, _path(cache_dir, slot), _whole(key), found)


def _load(cache_dir: str, path: str, key: bytes) -> SeccompFilter | None:
    try:
        if not _is_ours(os.stat(cache_dir)):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not _is_ours(os.fstat(descriptor)):
            return None
        content = os.read(descriptor, _LARGEST_CACHED)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    head = _MAGIC + len(key).to_bytes(_NUMBER_BYTES, "little") + key
    body, check = content[:-_NUMBER_BYTES], content[-_NUMBER_BYTES:]
    if not body.startswith(head) or check != _checksum(body).to_bytes(_NUMBER_BYTES, "little"):
        return None
    place = len(head)
    flags = int.from_bytes(body[place : place + _NUMBER_BYTES], "little")
    place += _NUMBER_BYTES
    digest = body[place : place + _DIGEST_BYTES].decode("ascii")
    return SeccompFilter(digest, body[place + _DIGEST_BYTES :], flags)


def _is_ours(state: os.stat_result) -> bool:
    return state.st_uid == os.geteuid() and not state.st_mode & 0o022


def _store(cache_dir: str, path: str, key: bytes, found: SeccompFilter) -> None:
    body = b"".join(
        (
            _MAGIC,
            len(key).to_bytes(_NUMBER_BYTES, "little"),
            key,
            found.flags.to_bytes(_NUMBER_BYTES, "little"),
            found.digest.encode("ascii"),
            found.bpf,
        )
    )
    content = body + _checksum(body).to_bytes(_NUMBER_BYTES, "little")
    if len(content) > _LARGEST_CACHED:
        return
    temporary = f"{path}.{os.getpid()}.{id(found):x}"
    try:
        os.makedirs(cache_dir, 0o700, exist_ok=True)
        if not _is_ours(os.stat(cache_dir)):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(temporary, flags, 0o600)
    except OSError:
        return
    try:
        try:
            written = os.write(descriptor, content)
        finally:
            os.close(descriptor)
        if written == len(content):
            os.rename(temporary, path)
            return
    except OSError:
        pass
    _discard(temporary)


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
