"""The source of a recorded run: a git commit, and what was changed since as a patch.

What runs is a fresh checkout of what git tracks, never the working tree itself: modes are git's and
not the umask's, times are the commit's, and no forgotten file takes part.

Facts about git
---------------
An index of one's own (GIT_INDEX_FILE) and a place of one's own for new objects
(GIT_OBJECT_DIRECTORY, with the repository's as an alternate) leave the repository as it is, whoever
it belongs to. `checkout-index` applies no export-ignore or export-subst, as `archive` would.

Programs: git-read-tree(1), git-apply(1), git-checkout-index(1).
"""

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wardian import errors
from wardian.repro import staging

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXED = ("-c", "core.autocrlf=false", "-c", "core.fileMode=true", "-c", "safe.directory=*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a run is made from.

    Attributes:
        commit: the full id, or "" for a directory without git.
        time_s: of the commit, or of the newest file.
        repository: where it was cloned from, without a password; or "".
        patch: what was changed since the commit, or "".
        digest: of the tree as it is laid out.
    """

    commit: str
    time_s: int
    repository: str
    patch: str
    digest: str


def take(directory: str, target: str, *, dirty: bool = False) -> Source:
    """Lay out what is to be run of a working tree.

    Args:
        directory: the top of a git working tree, or any directory.
        target: a new directory for it.
        dirty: changes of tracked files count too, and are kept as a patch.

    Raises:
        StatusError: tracked files are changed, and `dirty` is not set.
        UsageError: it is a directory within a working tree.
        HostError: git failed.
    """
    top = _top(directory)
    if top is None:
        staging.stage(directory, target, order="sorted", listing_order="own", uid=-1, gid=-1)
        return Source(
            commit="", time_s=_newest(target), repository="", patch="", digest=digest(target)
        )
    if os.path.realpath(directory) != os.path.realpath(top):
        raise errors.UsageError(
            f'source "{directory}" is a part of a working tree', hint=f"--source {top}"
        )
    commit = _git(top, "rev-parse", "--verify", "HEAD").strip()
    patch = _git(top, "diff", "--binary", "--full-index", "--no-ext-diff", "HEAD")
    if patch and not dirty:
        changed = _git(top, "diff", "--name-only", "HEAD").splitlines()
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise errors.StatusError(
            f'"{changed[0]}"{more} is not as in the commit {commit[:12]}',
            hint="commit it, or --dirty keeps the changes in the record as a patch",
        )
    return lay_out(top, target, commit, patch)


def lay_out(repository: str, target: str, commit: str, patch: str = "") -> Source:
    """Make the tree of a commit with a patch, in a new directory.

    Raises:
        NotFoundError: the repository does not have the commit.
    """
    top = _top(repository)
    if top is None:
        raise errors.NotFoundError(f'"{repository}" is no git repository')
    if _git(top, "cat-file", "-t", commit, check=False).strip() != "commit":
        raise errors.NotFoundError(
            f'commit {commit[:12]} is not in "{repository}"', hint="git fetch, or --source DIR"
        )
    os.mkdir(target, 0o755)
    extra = f"{target}.git"
    os.mkdir(extra, 0o700)
    objects = os.path.join(top, _git(top, "rev-parse", "--git-path", "objects").strip())
    own = {
        "GIT_INDEX_FILE": f"{extra}/index",
        "GIT_OBJECT_DIRECTORY": extra,
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.abspath(objects),
    }
    _git(top, "read-tree", commit, env=own)
    if patch:
        _git(top, "apply", "--cached", "--whitespace=nowarn", "-", env=own, stdin=patch)
    _git(top, "checkout-index", "--all", f"--prefix={target}/", env=own)
    time_s = int(_git(top, "log", "-1", "--format=%ct", commit))
    _set_times(target, time_s)
    return Source(
        commit=commit,
        time_s=time_s,
        repository=_without_password(_git(top, "remote", "get-url", "origin", check=False).strip()),
        patch=patch,
        digest=digest(target),
    )


def digest(directory: str) -> str:
    """Return one digest for a tree: names, kinds, who may execute, contents."""
    import hashlib

    total = hashlib.sha256()
    for name in staging.listing(directory):
        one = staging.entry(directory, name)
        row = f"{one.kind} {one.digest} {one.mode & 0o100:o} ".encode()
        total.update(row + os.fsencode(name) + b"\0")
    return total.hexdigest()


def _top(directory: str) -> "str | None":
    try:
        return _git(directory, "rev-parse", "--show-toplevel").strip() or None
    except errors.HostError:
        return None


def _git(
    directory: str,
    *words: str,
    env: "Mapping[str, str] | None" = None,
    stdin: str = "",
    check: bool = True,
) -> str:
    """Run git there; returns what it printed, "" where it fails and `check` is not set."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *FIXED, "-C", directory, *words],
            env={**plain, **(env or {}), "LC_ALL": "C"},
            input=stdin.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise errors.HostError("git is not installed", hint="apt-get install git") from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogateescape")
    if not check:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
    raise errors.HostError(f"git {words[0]}: {said[0]}")


def _set_times(target: str, time_s: int) -> None:
    for place, below, names in os.walk(target, topdown=False):
        for name in (*names, *below):
            os.utime(f"{place}/{name}", (time_s, time_s), follow_symlinks=False)
    os.utime(target, (time_s, time_s))


def _newest(directory: str) -> int:
    times = [os.lstat(f"{directory}/{name}").st_mtime for name in staging.listing(directory)]
    return int(max(times, default=0))


def _without_password(address: str) -> str:
    scheme, sign, rest = address.partition("://")
    return f"{scheme}{sign}{rest.rpartition('@')[2]}" if sign else address
