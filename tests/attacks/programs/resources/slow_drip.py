"""Writes a byte now and then, so that whoever waits for silence waits for ever.

id: R43
contained: the limit is wall time, not silence
expect: WALL_TIME limit=wall_s
limits: wall=0.7s
"""

import time

while True:
    print(".", end="", flush=True)
    time.sleep(0.05)
