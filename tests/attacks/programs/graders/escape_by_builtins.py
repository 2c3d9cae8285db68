r"""Goes through Python's objects to a module that starts programs, past any check of the source text.

id: L5
contained: the kernel decides, not the text: what it starts is in the box too
expect: OK 'stdout=uid=\d+.*'
"""

import sys

classes = ().__class__.__base__.__subclasses__()
module = next(one for one in classes if one.__name__ == "_wrap_close").__init__.__globals__
sys.stdout.flush()
module["sys" + "tem"]("id; cat /etc/shadow 2>/dev/null | sed 's/^/CANARY /'")
