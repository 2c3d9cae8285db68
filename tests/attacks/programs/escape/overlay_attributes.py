r"""Writes the attributes by which an overlay redirects a directory to another one.

id: F14
contained: trusted attributes need a capability of the host; the writable layer takes no others
expect: OK 'stdout=refused: (E\w+ ?)+'
or: VIOLATION syscall=setxattr -- a policy may refuse it at once
"""

import errno
import os

os.mkdir("there")
words = []
for name in ("trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.redirect", "user.overlay.metacopy"):
    for place in ("there", "/", "/tmp"):
        try:
            os.setxattr(place, name, b"/root")
            if name.startswith("trusted"):
                print("CANARY", name, place, flush=True)
        except OSError as error:
            words.append(errno.errorcode[error.errno or 0])
print("refused:", *words)
