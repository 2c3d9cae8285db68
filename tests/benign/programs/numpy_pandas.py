"""NumPy and pandas: linear algebra with its threads, random numbers, files, grouping.

language: Python with NumPy and pandas
package: python3-pandas
needs: /usr/lib/python3/dist-packages/pandas/__init__.py
run: /usr/bin/python3 numpy_pandas.py
limits: memory=512m processes=100 cpu=30s wall=40s
expect: hello, world|9592 454396537|500500
"""

import numpy as np
import pandas as pd

print("hello, world")
composite = np.zeros(100_000, dtype=bool)
composite[:2] = True
for n in range(2, 317):
    if not composite[n]:
        composite[n * n :: n] = True
primes = np.flatnonzero(~composite)
print(len(primes), primes.sum())
matrix = np.random.default_rng(1).random((200, 200))
assert np.allclose(matrix @ np.linalg.inv(matrix), np.eye(200), atol=1e-6)
assert np.linalg.svd(matrix)[1][0] > 90
np.save("matrix.npy", matrix)
assert (np.load("matrix.npy", mmap_mode="r") == matrix).all()
frame = pd.DataFrame({"number": range(1, 1001), "kind": ["odd", "even"] * 500})
frame.to_csv("numbers.csv", index=False)
sums = pd.read_csv("numbers.csv").groupby("kind").number.sum()
assert sums["odd"] == 250000
print(sums.sum())
