"""Searches its own interpreter, its frames and its objects for the expected answer.

id: L1
contained: the answer was never in its box
expect: OK stdout='nothing found'
"""

import gc
import sys

wanted = "expected" + "-answer"
frame = sys._getframe()
while frame is not None:
    if wanted in str(frame.f_locals.get("answer", "")):
        print("CANARY frame")
    frame = frame.f_back
for one in gc.get_objects():
    if isinstance(one, dict) and any(key == "expected_answer" for key in list(one) if isinstance(key, str)):
        print("CANARY object")
if any("pytest" in name or name.startswith("wardian") for name in sys.modules):
    print("CANARY modules")
print("nothing found")
