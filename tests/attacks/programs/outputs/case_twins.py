"""Makes files whose names look like that of its output, but not the output itself.

id: C16
contained: a name is its bytes, nothing like it
expect: OK
outputs: out.txt
output: out.txt missing
"""

for name in ("OUT.TXT", "out.txt ", "out.txt.", "ｏut.txt", "оut.txt", "out.txt\u200b"):
    with open(name, "x", encoding="utf-8") as file:
        file.write("CANARY")
