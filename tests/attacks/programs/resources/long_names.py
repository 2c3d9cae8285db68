"""Makes a tree whose path is far longer than PATH_MAX, and a file at its end.

id: R36
contained: nothing walks it by its path
expect: OK stdout=made
"""

import os

for _ in range(60):
    os.mkdir("n" * 255)
    os.chdir("n" * 255)
with open("end", "x", encoding="utf-8") as file:
    file.write("here")
print("made")
