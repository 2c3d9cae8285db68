"""Audit records are read, whatever name their process gave itself."""

from wardian.kernel import audit

TEXT = (
    "audit(1795445783.579:301010): auid=4294967295 uid=1879048192 gid=0 ses=1 pid=12923"
    ' comm="mount" exe="/usr/bin/mount" sig=0 arch=c000003e syscall=165 compat=0'
    " ip=0x7f4291428829 code=0x7fc00000"
)


def message(text: str, kind: int = audit.AUDIT_SECCOMP) -> bytes:
    head = len(text).to_bytes(4, "little") + kind.to_bytes(2, "little") + bytes(10)
    return head + text.encode()


def test_a_record_of_seccomp_is_read() -> None:
    found = audit.parse(message(TEXT))
    assert found is not None
    assert (found.stamp, found.pid, found.uid) == ("1795445783.579:301010", 12923, 1879048192)
    assert (found.comm, found.number, found.code) == ("mount", 165, 0x7FC00000)
    assert (found.audit, found.instruction) == (0xC000003E, 0x7F4291428829)


def test_a_name_can_not_pass_for_another_field() -> None:
    evil = 'x" pid=1 uid=0'
    found = audit.parse(message(TEXT.replace('"mount"', evil.encode().hex().upper())))
    assert found is not None
    assert (found.comm, found.pid, found.uid) == (evil, 12923, 1879048192)


def test_what_is_something_else_is_none() -> None:
    assert audit.parse(message(TEXT, 1300)) is None
    assert audit.parse(message("audit(1:2): pid=x")) is None
    assert audit.parse(b"") is None
