"""D-Bus bytes against the specification's own examples, and a peer at the other end of a socket."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import HostError, KernelError
from wardian.kernel import dbus


def test_values_lie_where_the_specification_puts_them() -> None:
    # D-Bus Specification, "Marshaling": a string "foo", then "+", then "bar", each aligned to 4.
    body = b"\4\0\0\0foo\0\1\0\0\0+\0\0\0\3\0\0\0bar\0"
    assert bytes(dbus.pack("sss", ("foo", "+", "bar"))) == body[:4].replace(b"\4", b"\3") + body[4:]
    # An array's length leaves out the padding before its first element.
    assert bytes(dbus.pack("at", ([5],))) == b"\x08\0\0\0\0\0\0\0" + struct.pack("<Q", 5)
    assert bytes(dbus.pack("at", ([],))) == b"\0" * 8
    assert bytes(dbus.pack("v", (("y", 7),))) == b"\1y\0\7"


def test_a_signature_is_split_into_complete_types() -> None:
    assert dbus.split("ssa(sv)a(sa(sv))u") == ["s", "s", "a(sv)", "a(sa(sv))", "u"]
    assert dbus.split("aayv") == ["aay", "v"]


@given(
    st.lists(st.tuples(st.text(max_size=9), st.integers(0, (1 << 64) - 1)), max_size=5),
    st.booleans(),
    st.binary(max_size=9),
)
def test_what_is_packed_unpacks_again(rows: list[tuple[str, int]], flag: bool, data: bytes) -> None:
    values = ([(name, ("t", number)) for name, number in rows], flag, list(data), -3)
    packed = bytes(dbus.pack("a(sv)bayx", values))
    assert dbus.unpack("a(sv)bayx", packed) == (rows, flag, list(data), -3)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_are_a_value_error(data: bytes) -> None:
    head = b"l\1\0\1" + data[:12].ljust(12, b"\0")
    try:
        total = dbus.length(head)
        dbus.decode((head + data)[: max(total, 16)].ljust(16, b"\0"))
    except ValueError:
        pass


def test_a_message_of_the_other_byte_order_is_read() -> None:
    fields = b"\5\1u\0" + struct.pack(">I", 9) + b"\x08\1g\0\1u\0\0"
    data = b"B\2\1\1" + struct.pack(">III", 4, 77, 15) + fields + struct.pack(">I", 1234)
    assert dbus.length(data[:16]) == len(data)
    message = dbus.decode(data)
    assert (message.kind, message.serial, message.body) == (dbus.METHOD_RETURN, 77, (1234,))
    assert message.fields[dbus.REPLY_SERIAL] == 9


# ---- a peer -------------------------------------------------------------------------------


def read_message(peer: socket.socket) -> dbus.Message:
    head = peer.recv(16, socket.MSG_WAITALL)
    return dbus.decode(head + peer.recv(dbus.length(head) - 16, socket.MSG_WAITALL))


@contextmanager
def listening(path: Path, *answers: dbus.Message | bytes) -> Iterator[list[dbus.Message]]:
    """A peer that takes one client, and answers each of its calls with the next messages."""
    heard: list[dbus.Message] = []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        peer, _address = server.accept()
        with peer:
            hello = b""
            while not hello.endswith(b"BEGIN\r\n"):
                hello += peer.recv(1)
            assert hello.startswith(b"\0AUTH EXTERNAL\r\nDATA\r\n")
            peer.sendall(b"DATA\r\nOK 1234\r\n")
            heard.append(read_message(peer))
            for answer in answers:
                peer.sendall(answer if isinstance(answer, bytes) else answer.encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield heard
    finally:
        thread.join(10)
        server.close()


def reply(serial: int, signature: str, *values: object) -> dbus.Message:
    fields = {dbus.REPLY_SERIAL: serial, dbus.SIGNATURE: signature}
    return dbus.Message(dbus.METHOD_RETURN, 5, fields, values)


def signal(member: str, signature: str, *values: object) -> dbus.Message:
    fields = {dbus.PATH: "/x", dbus.INTERFACE: "a.b", dbus.MEMBER: member}
    fields[dbus.SIGNATURE] = signature
    return dbus.Message(dbus.SIGNAL, 6, fields, values)


def test_a_signal_that_comes_before_the_reply_is_not_lost(tmp_path: Path) -> None:
    gone = signal("JobRemoved", "s", "done")
    other = signal("UnitNew", "s", "x")
    with listening(tmp_path / "s", other, gone, reply(1, "o", "/job/1")) as heard:
        bus = dbus.Connection(str(tmp_path / "s"), is_bus=False, timeout_s=10)
        assert bus.call("d.e", "/p", "i.f", "Do", signature="s", values=("word",)) == ("/job/1",)
        assert bus.signal("JobRemoved", "the job") == ("done",)
        bus.close()
    assert heard[0].fields[dbus.MEMBER] == "Do"
    assert heard[0].body == ("word",)


def test_an_error_keeps_its_name_and_its_words(tmp_path: Path) -> None:
    fields = {dbus.REPLY_SERIAL: 1, dbus.ERROR_NAME: "x.UnitExists", dbus.SIGNATURE: "s"}
    with listening(tmp_path / "s", dbus.Message(dbus.ERROR, 2, fields, ("it is there",))):
        bus = dbus.Connection(str(tmp_path / "s"), is_bus=False, timeout_s=10)
        with pytest.raises(dbus.ReplyError, match="it is there") as caught:
            bus.call("d.e", "/p", "i.f", "Do")
        assert caught.value.name == "x.UnitExists"
        bus.close()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad", b"l\2\1\1\xff\xff\xff\x7f" + b"\0" * 8]
)
def test_a_peer_that_speaks_something_else_is_an_error(tmp_path: Path, answer: bytes) -> None:
    with listening(tmp_path / "s", answer):
        bus = dbus.Connection(str(tmp_path / "s"), is_bus=False, timeout_s=10)
        with pytest.raises(HostError, match=r"i\.f\.Do"):
            bus.call("d.e", "/p", "i.f", "Do")
        bus.close()


def test_nobody_there_is_an_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r'connect\(".*/none"\): no such file'):
        dbus.Connection(str(tmp_path / "none"), is_bus=True, timeout_s=1)
