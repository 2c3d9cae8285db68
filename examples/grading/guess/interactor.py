"""Interactor: argument 1 is the test's input, the secret number."""

import sys

GUESSES = 10

with open(sys.argv[1], encoding="utf-8") as file:
    secret = int(file.read())
for _number in range(GUESSES):
    line = sys.stdin.readline()
    try:
        guess = int(line)
    except ValueError:
        sys.exit(f"{line[:20]!r} is no guess")
    if guess == secret:
        print("right", flush=True)
        sys.exit(0)
    print("more" if guess < secret else "less", flush=True)
print(f"not found in {GUESSES} guesses", file=sys.stderr)
sys.exit(1)
