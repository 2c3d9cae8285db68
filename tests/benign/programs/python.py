"""A plain program.

language: Python
package: python3
needs: /usr/bin/python3
run: /usr/bin/python3 python.py
"""

import pathlib

print("hello, world")
composite = bytearray(100_000)
primes = []
for n in range(2, 100_000):
    if not composite[n]:
        primes.append(n)
        for m in range(n * n, 100_000, n):
            composite[m] = 1
print(len(primes), sum(primes))
path = pathlib.Path("numbers.txt")
path.write_text("\n".join(map(str, range(1, 1001))), encoding="ascii")
print(sum(map(int, path.read_text(encoding="ascii").split())))
