"""Makes its output a hard link to a file of the root, and to a file of another name.

id: C11
contained: a link to another file system is refused; one to a file of its own is that file
expect: OK
outputs: out.txt root.txt
output: out.txt own
output: root.txt missing
"""

import os

with open("other", "x", encoding="utf-8") as file:
    file.write("own")
os.link("other", "out.txt")
try:
    os.link("/etc/passwd", "root.txt")
    print("CANARY")
except OSError:
    pass
