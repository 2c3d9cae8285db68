"""Which time a build has: that of its source.

Asked for, SOURCE_DATE_EPOCH, the git commit's, or a constant, whichever is there first. The commit
is the last one that changed the context, so that a commit elsewhere in the repository changes
nothing.

Source: reproducible-builds.org, SOURCE_DATE_EPOCH specification; git-log(1).
"""

import subprocess

from wardian.build.world import EPOCH_S
from wardian.errors import UsageError
from wardian.images import normal

_GIT = ("git", "-c", "safe.directory=*", "log", "-1", "--format=%ct", "--", ".")
_GIT_S = 10


def find(asked: "int | str | None", context: str) -> int:
    """Return the time in seconds since 1970.

    Args:
        asked: for; None for what there is.
        context: the directory.

    Raises:
        UsageError: it is no time.
    """
    if asked is not None:
        text = str(asked)
        if not (text.isascii() and text.isdecimal() and int(text[:12]) <= normal.EPOCH_MAX_S):
            raise UsageError(f'source-date-epoch "{text[:40]}" is not seconds since 1970')
        return int(text)
    return normal.source_date_epoch(default=-1) if _is_set() else _of_git(context)


def _is_set() -> bool:
    return normal.source_date_epoch(default=-1) >= 0


def _of_git(context: str) -> int:
    try:
        found = subprocess.run(
            _GIT, cwd=context, capture_output=True, timeout=_GIT_S, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return EPOCH_S  # no git here
    text = found.stdout.strip()
    is_time = found.returncode == 0 and text.isascii() and text.isdecimal()
    return min(int(text[:12]), normal.EPOCH_MAX_S) if is_time else EPOCH_S
