"""Writes every byte there is, half characters and terminal escapes to its output.

id: C10
contained: output is bytes
expect: OK
outputs: out.bin
output: out.bin bytes
"""

import sys

data = bytes(range(256)) * 64 + b"\x1b[2J\x1b]0;owned\x07\xed\xa0\x80\r\n\0" + b"x" * 100_000
sys.stdout.buffer.write(data)
sys.stderr.buffer.write(data)
with open("out.bin", "xb") as file:
    file.write(b"bytes")
