"""A small interpreter for classic BPF, the witness of what a seccomp program decides."""

import struct
from collections.abc import Callable, Sequence

import pytest

Run = Callable[[bytes, int, int, Sequence[int]], int]


def _run(program: bytes, architecture: int, number: int, arguments: Sequence[int] = ()) -> int:
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("=HBBI", program))
    place = accumulator = 0
    while True:
        operation, when_true, when_false, k = code[place]
        place += 1
        match operation:
            case 0x06:
                return int(k)
            case 0x20:
                accumulator = struct.unpack_from("=I", data, k)[0]
            case 0x54:
                accumulator &= k
            case 0x05:
                place += k
            case 0x15:
                place += when_true if accumulator == k else when_false
            case 0x25:
                place += when_true if accumulator > k else when_false
            case 0x35:
                place += when_true if accumulator >= k else when_false
            case 0x45:
                place += when_true if accumulator & k else when_false
            case _:
                raise AssertionError(f"operation {operation:#x} at {place - 1}")


@pytest.fixture(scope="session")
def run_bpf() -> Run:
    """Give run(program, AUDIT_ARCH value, number, arguments) -> verdict."""
    return _run
