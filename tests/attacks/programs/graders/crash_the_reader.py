r"""Prints numbers, nesting and text that break readers: half characters, 10,000 brackets, a million digits, 1e999.

id: L6
contained: output is bytes; nobody evaluates it
expect: OK 'stdout=\[+.*'
"""

import sys

for text in ("[" * 10_000, "9" * 200_000, "1e999 NaN -0 Infinity", "\u202e\ufeff\x00\x85\u2028", "a\r\rb\r\n"):
    sys.stdout.buffer.write(text.encode() + b"\xff\n")
