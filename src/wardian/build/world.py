"""What a RUN step sees of the world, besides its image and its recipe.

Everything that differs between two machines, or two users, has one canonical value here; none of it
goes into the image's config. A recipe's own ENV and ARG count more than `env`. Whoever verifies a
build gives another world, and expects the same image.

Facts about the time of a build
-------------------------------
It is that of its source: asked for, SOURCE_DATE_EPOCH, the git commit's, or a constant, whichever
is there first. The commit is the last one that changed the context, so that one elsewhere in the
repository changes nothing.

Source: reproducible-builds.org, SOURCE_DATE_EPOCH specification; git-log(1).
"""

import subprocess
from dataclasses import dataclass, field, replace

from wardian.errors import UsageError
from wardian.images import normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# 1980-01-02: zip archives know no earlier day, in any time zone.
EPOCH_S = 315_619_200
_GIT = ("git", "-c", "safe.directory=*", "log", "-1", "--format=%ct", "--", ".")
_GIT_S = 10
CANONICAL_ENV = {
    "PATH": PATH,
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "DEBIAN_FRONTEND": "noninteractive",
}


@dataclass(frozen=True)
class World:
    """One world; without arguments, the canonical one.

    Attributes:
        env: variables of every RUN step; SOURCE_DATE_EPOCH is added.
        late: more variables, in no key of the build cache: they change nothing that is made.
        home: instead of the home directory that the image's /etc/passwd names; "" for that one.
        hostname: of the boxes.
        umask: likewise.
        prefix: words before each RUN command: ("setarch", "-R"); the program must be in the box.
        options: more of docker's words for the boxes, as of `wardian.run`: {"cpuset_cpus": "0",
            "volume": ["/opt/faketime:/opt/faketime:ro"], "time_offset": ["boottime=1000"]}.
    """

    env: "Mapping[str, str]" = field(default_factory=lambda: dict(CANONICAL_ENV))
    late: "Mapping[str, str]" = field(default_factory=dict)
    home: str = ""
    hostname: str = "wardian"
    umask: int = 0o022
    prefix: "tuple[str, ...]" = ()
    options: "Mapping[str, Any]" = field(default_factory=dict)

    def changed(self, **words: "Any") -> "World":
        """Return another world; `env` is added to this one's (a value of None removes one)."""
        if "env" in words:
            env = {**self.env, **words["env"]}
            words["env"] = {name: text for name, text in env.items() if text is not None}
        return replace(self, **words)

    @property
    def key(self) -> "dict[str, Any]":
        """All of it but `late`, for the build cache's keys."""
        return {
            "env": dict(self.env),
            "home": self.home,
            "hostname": self.hostname,
            "umask": self.umask,
            "prefix": list(self.prefix),
            "options": {name: repr(word) for name, word in self.options.items()},
        }


def epoch(asked: "int | str | None", context: str) -> int:
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
