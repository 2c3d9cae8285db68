"""Arguments in words."""

import struct
from typing import Any

import pytest

from wardian.sandbox import arguments


class Fake:
    """The memory of a process, as a table."""

    def __init__(self, **texts: str) -> None:
        self.texts = {int(key[1:]): value for key, value in texts.items()}

    def text(self, address: int, most: int) -> str | None:
        return self.texts.get(address)

    def read(self, address: int, size: int) -> bytes:
        return self.texts.get(address, "").encode("latin-1")[:size]


def decoded(name: str, *values: int, memory: Any = None) -> dict[str, Any]:
    padded = (*values, 0, 0, 0, 0, 0, 0)[:6]
    found: Any = memory or Fake()
    return arguments.decode(name, padded, found, 0)


def test_mounts_and_namespaces_are_named_by_their_flags() -> None:
    found = decoded("mount", 1, 2, 0, 0x5001, memory=Fake(_1="none", _2="/mnt"))
    expected = {
        "source": "none",
        "target": "/mnt",
        "type": None,
        "flags": "MS_RDONLY|MS_BIND|MS_REC",
    }
    assert found == expected
    assert decoded("unshare", 0x10020000)["flags"] == "CLONE_NEWNS|CLONE_NEWUSER"


def test_bad_pointers_show_as_numbers() -> None:
    assert decoded("chroot", 0xDEAD) == {"path": "0xdead"}


def test_sockets_are_named() -> None:
    found = decoded("socket", 2, 1 | 0o2000000, 0)
    assert found == {"family": "AF_INET", "type": "SOCK_STREAM|SOCK_CLOEXEC", "protocol": 0}
    assert decoded("socket", 99, 3)["family"] == 99


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            struct.pack("<HxxBBBB", 2, 127, 0, 0, 1)[:2] + b"\x00\x50" + bytes((10, 0, 0, 1)),
            {"family": "AF_INET", "host": "10.0.0.1", "port": 80},
        ),
        (b"\x01\x00/run/x\0junk", {"family": "AF_UNIX", "path": "/run/x"}),
        (b"\x01\x00\0abstract", {"family": "AF_UNIX", "path": "@abstract"}),
        (
            b"\x0a\x00\x01\xbb" + bytes(4) + bytes(15) + b"\x01" + bytes(4),
            {"family": "AF_INET6", "host": "::1", "port": 443},
        ),
        (b"\x10", None),
    ],
)
def test_addresses_of_sockets_are_read(data: bytes, expected: Any) -> None:
    assert arguments.address(data) == expected


def test_calls_that_nobody_decodes_have_no_words() -> None:
    assert decoded("no_such_call", 1, 2, 3) == {}
