"""Speak D-Bus over a unix socket: just enough to ask systemd for something and hear its answer.

Facts about D-Bus
-----------------
A connection begins with a line-wise handshake: a zero byte, "AUTH EXTERNAL", "DATA" with our uid or
with nothing, "OK", "BEGIN". The other side has the uid by SO_PEERCRED; we tell it none, because in
a user namespace we know it by another number. Then messages: a
header whose fields are typed, and a body that is packed by its signature. Everything is aligned to
its own size from the message's start. On a bus a client has to say Hello before anything else and
is told only the signals that it asked for; systemd's private socket is no bus, and tells all.

Source: D-Bus Specification 0.43, "Type System", "Marshaling", "Message Protocol".
"""

import _socket
import errno
import select
import struct
import time

from wardian.errors import HostError, InternalError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, _SENDER, SIGNATURE = range(1, 9)
FIELD_TYPES = {PATH: "o", REPLY_SERIAL: "u", SIGNATURE: "g"}
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
ALIGNMENT = {"g": 1, "v": 1, "s": 4, "o": 4, "a": 4, "(": 8, "{": 8}
MESSAGE_MAX = 1 << 24
FIXED_HEADER_BYTES = 16
BUS = "org.freedesktop.DBus"


class ReplyError(HostError):
    """The other side answered with an error; `name` is its name."""

    def __init__(self, name: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name


# ---- packing ------------------------------------------------------------------------------


def split(signature: str) -> "list[str]":
    """Return the complete types of a signature: "sa(sv)u" is "s", "a(sv)", "u"."""
    found = []
    at = 0
    while at < len(signature):
        end = _end_of_type(signature, at)
        found.append(signature[at:end])
        at = end
    return found


def _end_of_type(signature: str, at: int) -> int:
    while signature[at : at + 1] == "a":
        at += 1
    if signature[at : at + 1] not in ("(", "{"):
        return at + 1
    depth = 0
    for place in range(at, len(signature)):
        depth += (signature[place] in "({") - (signature[place] in ")}")
        if depth == 0:
            return place + 1
    raise InternalError(f'"{signature}" is not a D-Bus signature')


def _alignment(kind: str) -> int:
    return struct.calcsize(FIXED[kind]) if kind in FIXED else ALIGNMENT[kind[0]]


def _pad(data: bytearray, alignment: int) -> None:
    data.extend(b"\0" * (-len(data) % alignment))


def pack(signature: str, values: "Sequence[Any]", data: "bytearray | None" = None) -> bytearray:
    """Return values as bytes; a variant is a pair (signature, value).

    Args:
        signature: one complete type for each value.
        values: numbers, strings, lists and tuples.
        data: what they are put behind.
    """
    data = bytearray() if data is None else data
    for kind, value in zip(split(signature), values, strict=True):
        _pack_one(kind, value, data)
    return data


def _pack_one(kind: str, value: "Any", data: bytearray) -> None:
    _pad(data, _alignment(kind))
    if kind in FIXED:
        data.extend(struct.pack("<" + FIXED[kind], value))
    elif kind in ("s", "o"):
        text = value.encode()
        data.extend(struct.pack("<I", len(text)) + text + b"\0")
    elif kind == "g":
        data.extend(struct.pack("<B", len(value)) + value.encode() + b"\0")
    elif kind == "v":
        _pack_one("g", value[0], data)
        _pack_one(value[0], value[1], data)
    elif kind[0] == "a":
        length_at = len(data)
        data.extend(b"\0\0\0\0")
        _pad(data, _alignment(kind[1:]))  # not counted in the length
        start = len(data)
        for one in value:
            _pack_one(kind[1:], one, data)
        struct.pack_into("<I", data, length_at, len(data) - start)
    else:
        pack(kind[1:-1], value, data)


class _Reader:
    """Values out of bytes, in the byte order that the sender chose."""

    __slots__ = ("at", "data", "order")

    def __init__(self, data: bytes, order: str, at: int = 0) -> None:
        self.data = data
        self.order = order
        self.at = at

    def read(self, kind: str) -> "Any":
        self.at += -self.at % _alignment(kind)
        if kind in FIXED:
            (value,) = struct.unpack_from(self.order + FIXED[kind], self.data, self.at)
            self.at += struct.calcsize(FIXED[kind])
            return bool(value) if kind == "b" else value
        if kind in ("s", "o", "g"):
            length = self.read("y" if kind == "g" else "u")
            text = self.data[self.at : self.at + length].decode("utf-8", "replace")
            self.at += length + 1
            return text
        if kind == "v":
            return self.read(self.read("g"))
        if kind[0] == "a":
            length = self.read("u")
            self.at += -self.at % _alignment(kind[1:])
            end = self.at + length
            found = []
            while self.at < end:
                found.append(self.read(kind[1:]))
            return found
        return tuple(self.read(one) for one in split(kind[1:-1]))


def unpack(signature: str, data: bytes, order: str = "<") -> "tuple[Any, ...]":
    """Return the values of a message's body; a variant is its value alone.

    Raises:
        ValueError: the bytes are not of that signature.
    """
    reader = _Reader(data, order)
    try:
        return tuple(reader.read(kind) for kind in split(signature))
    except (struct.error, KeyError, IndexError) as error:
        raise ValueError(f"not a body of {signature!r}: {error}") from None


# ---- messages -----------------------------------------------------------------------------


class Message:
    """One message: its kind, its header fields by number, and its body's values."""

    __slots__ = ("body", "fields", "kind", "serial")

    def __init__(
        self, kind: int, serial: int, fields: "dict[int, Any]", body: "tuple[Any, ...]"
    ) -> None:
        self.kind = kind
        self.serial = serial
        self.fields = fields
        self.body = body

    def encode(self) -> bytes:
        """Return the message's bytes."""
        body = pack(self.fields.get(SIGNATURE, ""), self.body)
        data = bytearray(struct.pack("<cBBBII", b"l", self.kind, 0, 1, len(body), self.serial))
        rows = [(n, (FIELD_TYPES.get(n, "s"), value)) for n, value in self.fields.items()]
        pack("a(yv)", (rows,), data)
        _pad(data, 8)
        return bytes(data + body)


def length(head: bytes) -> int:
    """Return how long the message is that begins with these 16 bytes.

    Raises:
        ValueError: it is none, or longer than we read.
    """
    order = {b"l": "<", b"B": ">"}.get(head[:1])
    if order is None or head[3] != 1:
        raise ValueError("not a D-Bus message")
    body, _serial, fields = struct.unpack_from(order + "III", head, 4)
    total = FIXED_HEADER_BYTES + fields + -fields % 8 + body
    if total > MESSAGE_MAX:
        raise ValueError("a D-Bus message that is too long")
    return int(total)


def decode(data: bytes) -> Message:
    """Return the message that these bytes are.

    Raises:
        ValueError: they are none.
    """
    order = "<" if data[:1] == b"l" else ">"
    body_bytes, serial = struct.unpack_from(order + "II", data, 4)
    reader = _Reader(data[: len(data) - body_bytes], order, 12)
    try:
        fields = dict(reader.read("a(yv)"))
    except (struct.error, KeyError, IndexError) as error:
        raise ValueError(f"not a D-Bus header: {error}") from None
    body = unpack(fields.get(SIGNATURE, ""), data[len(data) - body_bytes :], order)
    return Message(data[1], serial, fields, body)


# ---- the connection -----------------------------------------------------------------------


class Connection:
    """A connection to a bus, or to one peer.

    Args:
        path: of the unix socket; "@" in front for an abstract one.
        is_bus: say Hello first.
        timeout_s: how long a call may take.

    Raises:
        KernelError: nobody listens there, or we may not connect.
        HostError: the other side does not take us.
    """

    def __init__(self, path: str, *, is_bus: bool, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._serial = 0
        self._buffer = b""
        self._signals: list[Message] = []
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            address = "\0" + path[1:] if path.startswith("@") else path
            self._socket.connect(address)
            self._authenticate()
            if is_bus:
                self.call(BUS, "/org/freedesktop/DBus", BUS, "Hello")
        except BaseException as error:
            self._socket.close()
            if isinstance(error, OSError) and not isinstance(error, KernelError):
                raise KernelError(f'connect("{path}")', error.errno or errno.EIO) from None
            raise

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        *,
        signature: str = "",
        values: "Sequence[Any]" = (),
    ) -> "tuple[Any, ...]":
        """Call a method; return what it returns.

        Raises:
            ReplyError: the other side refused.
            HostError: it did not answer in time.
        """
        self._serial += 1
        fields = {PATH: path, INTERFACE: interface, MEMBER: member, DESTINATION: destination}
        if signature:
            fields[SIGNATURE] = signature
        request = Message(METHOD_CALL, self._serial, fields, tuple(values))
        self._socket.sendall(request.encode())
        end_s = time.monotonic() + self._timeout_s
        while True:
            answer = self._receive(end_s, f"{interface}.{member}")
            if answer.fields.get(REPLY_SERIAL) != request.serial:
                if answer.kind == SIGNAL:
                    self._signals.append(answer)
                continue
            if answer.kind == ERROR:
                words = str(answer.body[0]) if answer.body else "no reason given"
                raise ReplyError(answer.fields.get(ERROR_NAME, ""), words)
            return answer.body

    def signal(self, member: str, about: str) -> "tuple[Any, ...]":
        """Wait for the next signal of that name; return its values.

        Args:
            member: its name.
            about: what is waited for, for the error.

        Raises:
            HostError: none came in time.
        """
        end_s = time.monotonic() + self._timeout_s
        while True:
            while self._signals:
                found = self._signals.pop(0)
                if found.fields.get(MEMBER) == member:
                    return found.body
            message = self._receive(end_s, about)
            if message.kind == SIGNAL:
                self._signals.append(message)

    def _authenticate(self) -> None:
        # BEGIN goes along, the first message after the answer, as systemd's own clients do it:
        # one that reaches systemd in one piece with BEGIN lies there until the next one comes.
        self._socket.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")
        end_s = time.monotonic() + self._timeout_s
        for expected in (b"DATA", b"OK "):
            while b"\r\n" not in self._buffer:
                self._fill(end_s, "the D-Bus handshake")
            line, _end, self._buffer = self._buffer.partition(b"\r\n")
            if not line.startswith(expected):
                raise HostError(f"D-Bus does not take us: {line.decode('utf-8', 'replace')[:80]}")

    def _receive(self, end_s: float, about: str) -> Message:
        while len(self._buffer) < FIXED_HEADER_BYTES:
            self._fill(end_s, about)
        try:
            needed = length(self._buffer)
            while len(self._buffer) < needed:
                self._fill(end_s, about)
            data, self._buffer = self._buffer[:needed], self._buffer[needed:]
            return decode(data)
        except ValueError as error:
            raise HostError(f"{about}: {error}") from None

    def _fill(self, end_s: float, about: str) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        if not poll.poll(max(0.0, end_s - time.monotonic()) * 1000):
            raise HostError(f"{about}: no answer within {self._timeout_s:g} s")
        more = self._socket.recv(65536)
        if not more:
            raise HostError(f"{about}: the other side closed the connection")
        self._buffer += more
