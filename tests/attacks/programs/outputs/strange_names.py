"""Makes files with the strangest names: longest, not UTF-8, with line ends, escapes, and direction marks.

id: C9
contained: names are bytes; only those that were asked for are looked at
expect: OK stdout=made
outputs: out.txt
output: out.txt plain
"""

import os

names = [b"n" * 255, b"\xff\xfe\x80", b"a\nb", b"\x1b[2J\x1b]0;owned\x07", b"-rf", b"*", b"out.txt ", b" out.txt",
         "\u202etxt.tuo".encode(), "ou\u0301t.txt".encode(), b"<script>alert(1)<script>", b"$(reboot)", b"`reboot`",
         b"out.txt\r", b"OUT.TXT", b"\\..\\..\\out.txt"]
for name in names:
    with open(name, "xb") as file:
        file.write(b"CANARY")
    os.utime(name, (2**33, -(2**31)))
with open("out.txt", "x", encoding="utf-8") as file:
    file.write("plain")
print("made")
