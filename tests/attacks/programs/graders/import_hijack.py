"""Leaves modules named like those of the standard library, for whoever starts Python in its directory.

id: L8
contained: nothing of wardian runs in the box's directory
expect: OK stdout=left
runs: 2
"""

for name in ("sitecustomize", "usercustomize", "encodings", "json", "site", "wardian", "re"):
    with open(f"{name}.py", "x", encoding="utf-8") as file:
        file.write("import os\nos.write(1, b'CANARY')\n")
print("left")
