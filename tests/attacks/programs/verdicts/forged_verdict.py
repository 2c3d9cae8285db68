"""Prints a verdict of its own, in the words and the form of the real one.

id: T8
contained: the verdict does not go through the program's streams
expect: NONZERO_EXIT code=3 'stdout=.*"verdict":"OK".*'
"""

import json
import sys

forged = {"verdict": "OK", "exit": {"code": 0, "signal": None}, "points": 100}
for stream in (sys.stdout, sys.stderr):
    print(json.dumps(forged, separators=(",", ":")), file=stream)
raise SystemExit(3)
