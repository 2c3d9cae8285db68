"""The calls of the Kubernetes Container Runtime Interface that a kubelet makes for a pod.

gRPC is HTTP/2 with messages in protocol buffers; curl speaks the one, and the few messages here are
packed by hand, so that no package is needed. Numbers are those of the fields in runtime.v1's
api.proto.

Source: kubernetes/cri-api, pkg/apis/runtime/v1/api.proto; grpc, doc/PROTOCOL-HTTP2.md.
"""

import re
import subprocess
from collections.abc import Iterable
from typing import Any

from tests import machine
from tests.engines.playground import Playground

SOCKET = "/run/containerd/containerd.sock"
Field = tuple[int, Any]


class RefusedError(Exception):
    """The service said no."""


def varint(number: int) -> bytes:
    """Pack an integer: seven bits in each byte, the lowest first."""
    packed = b""
    while number > 0x7F:
        packed += bytes([number & 0x7F | 0x80])
        number >>= 7
    return packed + bytes([number])


def pack(fields: Iterable[Field]) -> bytes:
    """Pack a message: integers, strings, and messages as lists of fields."""
    packed = b""
    for number, value in fields:
        if isinstance(value, int):
            packed += varint(number << 3) + varint(value)
            continue
        data = value.encode() if isinstance(value, str) else pack(value)
        packed += varint(number << 3 | 2) + varint(len(data)) + data
    return packed


def unpack(data: bytes) -> list[tuple[int, int | bytes]]:
    """Unpack a message, one level."""
    found: list[tuple[int, int | bytes]] = []
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 0:
            found.append((key >> 3, number()))
        else:
            length = number()
            found.append((key >> 3, data[at : at + length]))
            at += length
    return found


def text(message: bytes, number: int) -> str:
    """Return a string field of a message; "" where it is absent."""
    values = [value for key, value in unpack(message) if key == number]
    return values[0].decode() if values and isinstance(values[0], bytes) else ""


class Service:
    """The runtime service of a containerd in the playground."""

    def __init__(self, place: Playground) -> None:
        machine.requires("curl")
        self.place = place
        self._sandboxes: dict[str, list[Field]] = {}

    def call(self, method: str, fields: Iterable[Field]) -> bytes:
        """Call a method; returns the answer, packed.

        Raises:
            RefusedError: the service's words.
        """
        message = pack(fields)
        argv = self.place.argv(
            *[
                "curl",
                "-sS",
                "--http2-prior-knowledge",
                "--unix-socket",
                SOCKET,
                "-D",
                "/dev/stderr",
            ],
            *["-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@-"],
            f"http://localhost/runtime.v1.RuntimeService/{method}",
        )
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        done = subprocess.run(
            argv, input=framed, capture_output=True, check=False, env=self.place.env, timeout=120
        )
        head = done.stderr.decode()
        status = re.search(r"^grpc-status: (\d+)", head, re.MULTILINE)
        if done.returncode or status is None or status[1] != "0":
            raise RefusedError(f"{method}: {head}")
        return done.stdout[5:]

    def run_sandbox(self, name: str, *, handler: str, parent: str) -> str:
        """Start a pod's sandbox in the host's network; returns its id."""
        # namespaces: network and ipc of the node (2), processes of the container (1)
        options: list[Field] = [(1, [(1, 2), (2, 1), (3, 0)])]
        config: list[Field] = [
            (1, [(1, name), (2, f"uid-{name}"), (3, "default"), (4, 0)]),
            (3, f"/tmp/{name}-log"),
            (8, [(1, parent), (2, options)]),
        ]
        answer = self.call("RunPodSandbox", [(1, config), (2, handler)])
        identity = text(answer, 1)
        self._sandboxes[identity] = config
        return identity

    def create_container(
        self, pod: str, name: str, image: str, command: list[str], env: dict[str, str]
    ) -> str:
        """Create a container in a sandbox; returns its id."""
        config: list[Field] = [
            (1, [(1, name), (2, 0)]),
            (2, [(1, image)]),
            *((3, word) for word in command),
            *((6, [(1, key), (2, value)]) for key, value in env.items()),
            (15, [(1, [(4, 64 << 20)])]),
        ]
        fields = [(1, pod), (2, config), (3, self._sandboxes[pod])]
        return text(self.call("CreateContainer", fields), 1)

    def exec(self, container: str, command: list[str]) -> tuple[str, int]:
        """Run a command in a container; returns its output and exit code."""
        fields: list[Field] = [(1, container), *((2, word) for word in command), (3, 20)]
        answer = unpack(self.call("ExecSync", fields))
        said = [value for number, value in answer if number == 1 and isinstance(value, bytes)]
        code = [value for number, value in answer if number == 3 and isinstance(value, int)]
        return b"".join(said).decode(), code[0] if code else 0

    def info(self, container: str) -> str:
        """Return what containerd knows of a container, as JSON."""
        answer = self.call("ContainerStatus", [(1, container), (2, 1)])
        for number, value in unpack(answer):
            if number == 2 and isinstance(value, bytes):
                return text(value, 2)
        return ""
