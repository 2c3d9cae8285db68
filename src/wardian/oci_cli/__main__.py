"""Run wardian-oci: bin/wardian-oci runs this file itself, with -I and -S.

It is short because a script is compiled at every start, and a module only once.
"""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from wardian import startup

startup.begin("wardian-oci", sys.argv[1:])

from wardian.oci_cli.main import main  # noqa: E402 - from where the line above says

if __name__ == "__main__":
    main()
