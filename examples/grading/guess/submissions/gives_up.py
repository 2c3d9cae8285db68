"""Crashes in the middle of the talk."""

print(500, flush=True)
raise RuntimeError(input())
