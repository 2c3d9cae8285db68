"""What `wardian explain` says of some specs on the host; a test compares it with the machine's."""

import json
import subprocess
import sys

from lab import settings
from lab.settings import LabError

VARIABLE = "WARDIAN_LAB_OUTSIDE"
# Nothing of the host's files is in them: only what the machine can do may make a difference.
SPECS = (
    ("--scratch",),
    ("--scratch", "--read-only", "--user", "1000", "--tmpfs", "/tmp", "--hostname", "one"),
    ("--scratch", "--memory", "64m", "--cpus", "0.5", "--pids-limit", "20"),
)


def explain(*options: str) -> tuple[str, str]:
    """Return (what the plan was made for, its hash), the last two lines of `wardian explain`."""
    command = [sys.executable, "-m", "wardian", "explain", *options, "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=settings.ROOT)
    if done.returncode:
        raise LabError(f"wardian explain {' '.join(options)}: {done.stderr.strip()}")
    made_for, plan = done.stdout.splitlines()[-2:]
    return made_for, plan.split()[1].rstrip(",")


def plans() -> str:
    """Return the host's words for all SPECS, as the job's environment takes them."""
    return json.dumps([explain(*options) for options in SPECS])
