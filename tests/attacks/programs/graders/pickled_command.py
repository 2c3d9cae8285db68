"""Prints a pickle that would run a command in whoever loads it.

id: L7
contained: nothing that comes out of a box is unpickled
expect: OK
outputs: result.pickle
output: result.pickle any
"""

import os
import pickle
import sys


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/wardian-attack-was-here",)


data = pickle.dumps(Evil())
sys.stdout.buffer.write(data)
with open("result.pickle", "xb") as file:
    file.write(data)
