"""What a program was made for, and the line that registers its interpreter."""

from pathlib import Path

import pytest

from wardian import errors
from wardian.kernel import binfmt


def head(size: int, order: int, machine: int) -> bytes:
    words = "little" if order == 1 else "big"
    kind = (3).to_bytes(2, words)  # type: ignore[arg-type]
    return b"\x7fELF" + bytes([size, order, 1]) + bytes(9) + kind + machine.to_bytes(2, words)  # type: ignore[arg-type]


@pytest.mark.parametrize("platform", binfmt.MACHINES)
def test_a_program_s_platform_is_in_its_first_bytes(platform: str) -> None:
    size, order, machine, _name = binfmt.MACHINES[platform]
    assert binfmt.platform_of(head(size, order, machine)) == platform


@pytest.mark.parametrize(
    "start", [b"", b"#!/bin/sh\n" * 3, b"\x7fELF", head(2, 1, 9999), head(1, 2, 62)]
)
def test_anything_else_has_none(start: bytes) -> None:
    assert binfmt.platform_of(start) == ""


@pytest.mark.parametrize("platform", binfmt.MACHINES)
def test_the_mask_lets_programs_of_that_platform_pass_and_no_other(platform: str) -> None:
    line = binfmt.rule(platform, "/usr/bin/qemu")
    _nothing, name, kind, offset, magic, mask, interpreter, flags = line.split(b":")
    assert (kind, offset, interpreter, flags) == (b"M", b"", b"/usr/bin/qemu", b"F")
    assert binfmt.rule(platform, "/usr/bin/qemu", keeps_name=True) == line[:-1] + b"PF"
    assert name.startswith(b"wardian-")
    wanted, under = (bytes.fromhex(text.replace(b"\\x", b"").decode()) for text in (magic, mask))
    assert len(line) < 1920  # fs/binfmt_misc.c: MAX_REGISTER_LENGTH
    for other in binfmt.MACHINES:
        start = head(*binfmt.MACHINES[other][:3])
        passes = all(one & m == want & m for one, want, m in zip(start, wanted, under, strict=True))
        assert passes == (other == platform)


def test_variants_are_of_their_family() -> None:
    assert binfmt.rule("linux/arm/v7", "/q") == binfmt.rule("linux/arm", "/q")


def test_an_unknown_platform_is_named() -> None:
    with pytest.raises(errors.NotFoundError, match='no emulation of "linux/vax"'):
        binfmt.rule("linux/vax", "/q")
    with pytest.raises(errors.NotFoundError, match='no emulation of "plan9/amd64"'):
        binfmt.find_interpreter("plan9/amd64")


def test_a_missing_interpreter_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binfmt, "PLACES", ())
    with pytest.raises(errors.UnsupportedError) as caught:
        binfmt.find_interpreter("linux/arm64")
    assert "qemu-user-static" in caught.value.hint


@pytest.mark.parametrize("path", ["/a:b", "/" + "x" * 200])
def test_a_path_that_the_kernel_would_misread_is_refused(path: str) -> None:
    with pytest.raises(errors.UsageError, match="can't be registered"):
        binfmt.rule("linux/arm64", path)


def entry(state: str, flags: str, magic: bytes) -> str:
    return f"{state}\ninterpreter /q\nflags: {flags}\noffset 0\nmagic {magic.hex()}\nmask ff\n"


@pytest.mark.parametrize(
    ("state", "flags", "machine", "there"),
    [
        ("enabled", "F", 183, True),
        ("enabled", "OCF", 183, True),
        ("disabled", "F", 183, False),
        ("enabled", "", 183, False),
        ("enabled", "F", 243, False),
    ],
)
def test_the_host_s_list_is_read(
    tmp_path: Path, state: str, flags: str, machine: int, there: bool
) -> None:
    (tmp_path / "status").write_text("enabled\n")
    (tmp_path / "register").write_text("")
    (tmp_path / "some-name").write_text(entry(state, flags, head(2, 1, machine)))
    assert binfmt.is_on_the_host("linux/arm64", str(tmp_path)) is there
    assert not binfmt.is_on_the_host("linux/arm64", str(tmp_path / "nowhere"))
