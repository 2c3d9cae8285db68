"""What bin/wardian and bin/wardian-oci start, with -I and -S: PACKAGE/begin.py PROGRAM WORD...

It is short because a script is compiled at every start. startup.py, whose code is kept in a
command's file beside that of all its other modules, does the rest.
"""

import marshal
import os
import sys

PACKAGE = os.path.abspath(os.path.dirname(__file__))
PROGRAM = sys.argv.pop(1)
# At the end: a module beside wardian must not stand in for one of the standard library.
sys.path.append(os.path.dirname(PACKAGE))
for word in sys.argv[1:17]:
    if word.isalpha():
        name = f"{PROGRAM}-{word}.{sys.implementation.cache_tag}-{sys.hexversion:x}.kept"
        try:
            fd = os.open(f"{PACKAGE}/__pycache__/{name}", os.O_RDONLY | os.O_CLOEXEC)
            kept = marshal.loads(os.read(fd, 1 << 24))  # noqa: S302 - as Python's own byte code
            os.close(fd)
            startup = sys.modules["wardian.startup"] = type(sys)("wardian.startup")
            exec(kept[0][-1], startup.__dict__)  # noqa: S102 - that is importing
            if startup.begin(PACKAGE, kept):
                break
        except Exception:  # noqa: BLE001, S112 - not there, or damaged: whatever may be in it
            continue
else:
    sys.modules.pop("wardian.startup", None)
    from wardian import startup

    startup.begin(PACKAGE, ())

if PROGRAM == "wardian-oci":
    from wardian.oci_cli.main import main
else:
    from wardian.cli.main import main
main()
