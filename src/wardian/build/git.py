"""Run git for a build: with none of the user's configuration, in repositories of our own.

Facts about git's surroundings
------------------------------
Variables GIT_... of ours would send it elsewhere, and a configuration of the user's or the
machine's changes what it makes of a commit: they are hidden. Paths to certificates, and proxies,
stay. A password goes by a variable, since arguments can be seen by everybody.

Programs: git(1), git-config(1), gitmodules(5).
"""

import base64
import os
import posixpath
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wardian import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "http:https:git:ssh",
    "GIT_SSH_COMMAND": "ssh -F /dev/null -o BatchMode=yes",
    "LC_ALL": "C",
}
_SETTINGS = (
    *(
        "core.autocrlf=false",
        "core.symlinks=true",
        "core.fileMode=true",
        "core.hooksPath=/dev/null",
    ),
    *("core.attributesFile=/dev/null", "gc.auto=0", "maintenance.auto=false", "protocol.version=2"),
    *("fetch.unpackLimit=1", "transfer.credentialsInUrl=allow", "safe.directory=*"),
)
_KEPT = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY")
_UMASK = 0o022
_SECRET_BYTES = 64 << 10
# Of .git: what git itself would write there for a repository with files.
_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
[remote "origin"]
\turl = {url}
\tfetch = +refs/heads/*:refs/remotes/origin/*
"""


@dataclass(frozen=True)
class Access:
    """How to get into a server.

    Attributes:
        url: the repository there.
        token: a password for https; "" for none.
        header: instead of it, the value of an Authorization header.
        agents: sockets of ssh agents by id; "default" counts.
    """

    url: str = ""
    token: str = ""
    header: str = ""
    agents: "Mapping[str, str]" = field(default_factory=dict)

    @property
    def variables(self) -> "dict[str, str]":
        """What git is told."""
        found = {"SSH_AUTH_SOCK": self.agents["default"]} if "default" in self.agents else {}
        header = self.header
        if self.token and not header:
            word = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            header = f"basic {word}"
        if header:
            parts = urlsplit(self.url)
            found["GIT_CONFIG_COUNT"] = "1"
            found["GIT_CONFIG_KEY_0"] = f"http.{parts.scheme}://{parts.netloc}/.extraheader"
            found["GIT_CONFIG_VALUE_0"] = f"Authorization: {header}"
        return found


def output(
    words: "Sequence[str]",
    access: "Access | None" = None,
    repository: str = "",
    *,
    env: "Mapping[str, str] | None" = None,
    cwd: str = "/",
    data: "BinaryIO | None" = None,
) -> str:
    """Run git; returns what it printed.

    Args:
        words: of its command.
        access: to a server.
        repository: where, if it is one of ours.
        env: more variables.
        cwd: the working directory.
        data: its standard input.

    Raises:
        RemoteError: it failed; the message has what it said.
        HostError: there is no git.
    """
    kept = {
        name: text
        for name, text in os.environ.items()
        if (not name.startswith(("GIT_", "LC_")) and name != "SSH_AUTH_SOCK") or name in _KEPT
    }
    access = access or Access()
    where = {"GIT_DIR": repository} if repository else {}
    try:
        done = subprocess.run(
            ["git", *(word for one in _SETTINGS for word in ("-c", one)), *words],
            cwd=cwd,
            env={**kept, **FIXED, **access.variables, **where, **(env or {})},
            stdin=data or subprocess.DEVNULL,
            capture_output=True,
            check=False,
            umask=_UMASK,
        )
    except FileNotFoundError:
        raise errors.HostError(
            "ADD of a repository needs git, which is not installed", hint="apt-get install git"
        ) from None
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    raise _failure(words[0], access, done)


def _failure(
    word: str, access: Access, done: "subprocess.CompletedProcess[bytes]"
) -> errors.RemoteError:
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    lines = [line for line in said if line.startswith(("fatal:", "error:", "remote:"))] or said
    text = lines[0].removeprefix("fatal: ") if lines else f"exit code {done.returncode}"
    at = f' "{without_login(access.url)}"' if access.url else ""
    if access.url:
        text = text.replace(access.url, without_login(access.url))
    return errors.RemoteError(f"git {word}{at}: {text[:300]}")


def run(words: "Sequence[str]", access: Access, repository: str) -> None:
    """Run git in a repository; errors as of `output`."""
    output(words, access, repository)


# ---- addresses ----------------------------------------------------------------------------


def without_login(url: str) -> str:
    """Return a URL of http without its user and password; others as they are."""
    parts = urlsplit(url) if "://" in url else None
    if parts is None or parts.scheme not in ("http", "https"):
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def host_of(url: str) -> str:
    """Return the host of a URL, or of USER@HOST:PATH."""
    if "://" in url:
        return urlsplit(url).hostname or ""
    return url.partition(":")[0].rpartition("@")[2]


def joined(base: str, url: str) -> str:
    """Return the URL of a submodule: relative ones begin at the repository's."""
    if not url.startswith(("./", "../")):
        return url
    if "://" in base:
        parts = urlsplit(base)
        return parts._replace(path=posixpath.normpath(f"{parts.path}/{url}")).geturl()
    host, _colon, path = base.partition(":")
    return f"{host}:{posixpath.normpath(f'{path}/{url}')}"


def secret_text(secret: "str | bytes") -> str:
    """Return a secret's text: that of a file, or the bytes themselves."""
    if isinstance(secret, bytes):
        return secret.decode("utf-8", "surrogateescape").strip()
    try:
        with open(secret, "rb") as file:
            return file.read(_SECRET_BYTES).decode("utf-8", "surrogateescape").strip()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise errors.NotFoundError(f'secret "{secret}": {why}') from None


# ---- repositories of ours -----------------------------------------------------------------


def make_bare(path: str) -> None:
    """Make a bare repository, unless it is there; what a killed git has locked is freed."""
    output(["init", "-q", "--bare", "--template=", "--", path])
    for folder, _folders, names in os.walk(path):
        for name in names:
            if name.endswith(".lock") or name.startswith(("tmp_pack_", "tmp_idx_", "tmp_obj_")):
                os.unlink(f"{folder}/{name}")


def has(repository: str, commit: str) -> bool:
    """Say whether a commit is there."""
    try:
        output(["cat-file", "-e", f"{commit}^{{tree}}"], repository=repository)
    except errors.RemoteError:
        return False
    return True


def check_out(repository: str, commit: str, target: str) -> None:
    """Write a commit's files into a directory."""
    index = f"{repository}/files.tmp"
    env = {"GIT_WORK_TREE": target, "GIT_INDEX_FILE": index}
    try:
        output(["read-tree", "--reset", "-u", commit], repository=repository, env=env, cwd=target)
    finally:
        if os.path.exists(index):
            os.unlink(index)


def submodules(repository: str, commit: str, target: str) -> "list[tuple[str, str, str]]":
    """Return the repositories in one: path, URL and commit of each.

    Raises:
        RemoteError: one has no URL.
    """
    rows = output(["ls-tree", "-r", "-z", commit], repository=repository).split("\0")
    wanted = {
        row.partition("\t")[2]: row.split()[2] for row in rows if row.startswith("160000 commit ")
    }
    described = f"{target}/.gitmodules"
    if not wanted or not os.path.isfile(described) or os.path.islink(described):
        return []
    text = output(["config", "-z", "-f", described, "--get-regexp", r"^submodule\..*\.(path|url)$"])
    found: dict[str, dict[str, str]] = {}
    for row in filter(None, text.split("\0")):
        key, _line, value = row.partition("\n")
        name, _dot, word = key.rpartition(".")
        found.setdefault(name, {})[word] = value
    urls = {one["path"]: one["url"] for one in found.values() if "path" in one and "url" in one}
    return [(path, urls[path], at) for path, at in sorted(wanted.items()) if path in urls]


def keep(repository: str, commit: str, target: str, url: str) -> None:
    """Make a .git with one commit, the same whatever was fetched how."""
    place = f"{target}/.git"
    output(["init", "-q", "--template=", "--", target])
    names = output(["rev-list", "--objects", "--no-walk", commit], repository=repository)
    with tempfile.TemporaryDirectory(dir=repository) as folder:
        with open(f"{folder}/names", "w+b") as wanted:
            wanted.writelines(
                line.partition(" ")[0].encode() + b"\n" for line in names.splitlines()
            )
            wanted.seek(0)
            output(["pack-objects", "-q", f"{folder}/one"], repository=repository, data=wanted)
        (pack,) = (name for name in os.listdir(folder) if name.endswith(".pack"))
        with open(f"{folder}/{pack}", "rb") as file:
            output(["unpack-objects", "-q"], repository=place, data=file)
    for name, text in (
        ("HEAD", f"{commit}\n"),
        ("shallow", f"{commit}\n"),
        ("config", _CONFIG.format(url=url)),
    ):
        with open(f"{place}/{name}", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    output(["read-tree", commit], repository=place)  # an index without times of files
