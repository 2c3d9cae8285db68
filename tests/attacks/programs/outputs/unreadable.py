"""Takes every permission from its output, and from the directory that it is in.

id: C14
contained: whoever collects does not need the owner's permission
expect: OK
outputs: out.txt kept/out.txt
output: out.txt mine
output: kept/out.txt mine
"""

import os

os.mkdir("kept")
for name in ("out.txt", "kept/out.txt"):
    with open(name, "x", encoding="utf-8") as file:
        file.write("mine")
    os.chmod(name, 0)
os.chmod("kept", 0)
try:
    os.chmod(".", 0)
except OSError:
    pass  # it is not its own
