"""ADD of a git repository: which commit a name means, and what is in it.

    WARDIAN_ROOT/cache/build/repositories/HEX/git   what was fetched from one URL

Who uses one of them holds a lock on the directory above.

Facts about git
---------------
A commit's id is a digest of all that is in it, and git checks it while it fetches. A server gives a
commit alone (--depth) by git's own protocols; plain files behind http have branches and tags alone,
whole. A bare repository of ours needs no configuration of the user's: one that counted (filters,
line ends, other names of servers) would make other files of the same commit.

What --keep-git-dir keeps is made anew, with this commit alone and an index without times of files:
what a fetch leaves depends on the server.

Programs: git(1), git-fetch(1), git-ls-remote(1), git-read-tree(1), gitformat-index(5).
Source: Dockerfile reference, "ADD" and "Build context" (URL fragments).

Kernel: flock(2).
"""

import fcntl
import os
import posixpath
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian import errors
from wardian.build import git

if TYPE_CHECKING:
    from wardian.build.git import Access
    from wardian.build.job import Job

_FOLDER = "cache/build/repositories"
_SCP = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^/].*|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:/.*")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REFERENCE = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./@+-]*")
_DEPTH_MAX = 10  # of repositories in repositories
HEAD = "HEAD"


@dataclass(frozen=True)
class Address:
    """What ADD names: URL#REFERENCE:DIRECTORY.

    Attributes:
        url: of the repository.
        reference: a branch, a tag, a commit, or HEAD.
        directory: in it; "" for its top.
    """

    url: str
    reference: str = HEAD
    directory: str = ""

    @property
    def shown(self) -> str:
        """Without a password; it is the name in the lock."""
        return f"{git.without_login(self.url)}#{self.reference}"


def address(text: str) -> "Address | None":
    """Return what a source of ADD names; None where that is no repository.

    Raises:
        UsageError: the part behind # is wrong.
    """
    url, _sharp, fragment = text.partition("#")
    scheme, sign, rest = url.partition("://")
    if sign:
        is_web = scheme in ("http", "https") and rest.rstrip("/").endswith(".git")
        if not is_web and scheme not in ("git", "ssh"):
            return None
    elif not _SCP.fullmatch(url):
        return None
    reference, _colon, directory = fragment.partition(":")
    directory = posixpath.normpath(directory.strip("/") or ".")
    if reference and (not _REFERENCE.fullmatch(reference) or ".." in reference):
        raise errors.UsageError(f'"{text}": "{reference}" is no branch, tag or commit')
    if directory == ".." or directory.startswith("../"):
        raise errors.UsageError(f'"{text}": "{directory}" leads out of the repository')
    return Address(url, reference or HEAD, "" if directory == "." else directory)


def commit_of(job: "Job", wanted: Address, checksum: str) -> str:
    """Return the commit that an address means, as the lock has it.

    Args:
        job: the build.
        wanted: the address.
        checksum: --checksum: the commit that it must be; "" for any.

    Raises:
        StatusError: it is not what --checksum or the lock says.
        RemoteError: the server can't be asked, or has no such branch or tag.
    """
    if checksum and not _COMMIT.fullmatch(checksum):
        raise errors.UsageError(f'--checksum "{checksum}": of a repository it is a whole commit id')
    locked = job.lock.repositories.get(wanted.shown)
    if job.lock.refuses(locked):
        raise errors.StatusError(
            f'"{wanted.shown}" is not in the lock',
            hint="--update-lock takes it, and writes it down",
        )
    found = locked["commit"] if locked and job.lock.is_strict else _asked(job, wanted)
    if checksum and found != checksum:
        raise errors.StatusError(f'"{wanted.shown}": --checksum says {checksum}, and it is {found}')
    job.lock.repository(wanted.shown, found)
    return found


def _asked(job: "Job", wanted: Address) -> str:
    """Ask the server what a reference is now."""
    name = wanted.reference
    if _COMMIT.fullmatch(name):
        return name
    patterns = [name] if name == HEAD else [name, f"{name}^{{}}"]
    text = git.output(["ls-remote", "--", wanted.url, *patterns], access_of(job, wanted.url))
    rows = {ref: found for found, _tab, ref in (line.partition("\t") for line in text.splitlines())}
    short = name.removeprefix("refs/")
    tag = f"refs/tags/{short.removeprefix('tags/')}"
    # A branch counts more than a tag of its name, and a tag's commit more than the tag.
    names = (f"refs/heads/{short.removeprefix('heads/')}", f"{tag}^{{}}", tag, f"refs/{short}")
    for ref in (name,) if name == HEAD else names:
        if ref in rows:
            return rows[ref]
    raise errors.RemoteError(
        f'"{git.without_login(wanted.url)}" has no branch or tag "{name}"',
        hint="a commit needs its whole id",
    )


def access_of(job: "Job", url: str) -> "Access":
    """Return by what git gets in: docker's secrets GIT_AUTH_TOKEN and GIT_AUTH_HEADER, --ssh."""
    host = git.host_of(url)
    found = {}
    for name in ("GIT_AUTH_TOKEN", "GIT_AUTH_HEADER"):
        for key in (name, f"{name}.{host}"):
            secret = job.options.secrets.get(key)
            if secret is not None:
                found[name] = git.secret_text(secret)
    return git.Access(
        url, found.get("GIT_AUTH_TOKEN", ""), found.get("GIT_AUTH_HEADER", ""), job.agents
    )


def check_out(job: "Job", wanted: Address, commit: str, target: str, *, keeps_git: bool) -> None:
    """Put what is in a commit into an empty directory, with the repositories in it.

    Args:
        job: the build.
        wanted: the repository.
        commit: its id.
        target: the directory; with git's umask, so look at contents and the executable bit alone.
        keeps_git: also a .git with this commit.

    Raises:
        RemoteError: it can't be fetched.
        StatusError: the repository does not have the commit.
    """
    _check_out(job, wanted, commit, target, keeps_git=keeps_git, depth=0)


def _check_out(
    job: "Job", wanted: Address, commit: str, target: str, *, keeps_git: bool, depth: int
) -> None:
    if depth > _DEPTH_MAX:
        raise errors.RemoteError(f'"{wanted.url}": more than {_DEPTH_MAX} repositories in another')
    with _Kept(job, wanted) as kept:
        kept.fetch(commit)
        git.check_out(kept.path, commit, target)
        inner = git.submodules(kept.path, commit, target)
        if keeps_git:
            git.keep(kept.path, commit, target, git.without_login(wanted.url))
    for place, url, at in inner:
        below = Address(git.joined(wanted.url, url), at)
        if address(f"{below.url}#") is None and not below.url.startswith(("http://", "https://")):
            raise errors.RemoteError(f'"{wanted.url}": the submodule "{url}" has no URL to fetch')
        _check_out(job, below, at, f"{target}/{place}", keeps_git=False, depth=depth + 1)


class _Kept:
    """The repository that keeps what was fetched from one URL; nobody else uses it meanwhile."""

    def __init__(self, job: "Job", wanted: Address) -> None:
        self._job, self._wanted = job, wanted
        name = sha256(git.without_login(wanted.url).encode()).hexdigest()[:40]
        self._folder = f"{job.root_dir}/{_FOLDER}/{name}"
        self.path = f"{self._folder}/git"

    def __enter__(self) -> "_Kept":
        os.makedirs(self._folder, 0o700, exist_ok=True)
        self._lock_fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
            git.make_bare(self.path)
        except BaseException:
            os.close(self._lock_fd)
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._lock_fd)

    def fetch(self, commit: str) -> None:
        """Have a commit here."""
        if git.has(self.path, commit):
            return
        access = access_of(self._job, self._wanted.url)
        url = self._wanted.url
        try:
            git.run(["fetch", "-q", "--depth=1", "--", url, commit], access, self.path)
        except errors.RemoteError:  # it gives no commit by its id: all that has a name, then
            everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            git.run(["fetch", "-q", "--force", "--", url, *everything], access, self.path)
        if not git.has(self.path, commit):
            raise errors.StatusError(
                f'"{self._wanted.shown}": commit {commit} is not there any more',
                hint="--update-lock takes what there is now, and writes it down",
            )
