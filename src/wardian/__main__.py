"""Run the command line: python -m wardian.

bin/wardian runs this file itself, with -I and -S, so that neither site nor the user's PYTHON*
variables count; then the package's directory has to be put on the path here. It goes to the end:
a module beside wardian must not stand in for one of the standard library.
"""

import os
import sys

if not __package__:
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from wardian import startup

startup.begin("wardian", sys.argv[1:])

from wardian.cli.main import main  # noqa: E402 - from where the line above says

if __name__ == "__main__":
    sys.exit(main())
