"""Computes a number that fills every memory, and never lets the interpreter look up.

id: R53
contained: processor time or memory, whichever is first
expect: CPU_TIME
or: MEMORY -- the number is large
limits: cpu=0.5s wall=10s
"""

print(10**10**9)
