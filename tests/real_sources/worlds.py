"""Two worlds, made by hand with Debian's tools: env, umask, unshare, setarch, taskset, faketime.

In the first, root builds in English and UTC in one directory. In the second, another user builds in
Turkish, 14 hours east, a year later, on one processor of an older kernel with another name, with
three jobs, in a directory that lists the other way round.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.users import User
from wardian.repro import staging


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One world: where sources lie in it, their order, and the words before a command."""

    name: str
    place: Path
    order: str
    uid: int
    gid: int
    words: tuple[str, ...]

    def source(self, original: Path) -> Path:
        """Return a fresh copy of a source, in this world's place."""
        target = self.place / "source"
        subprocess.run(["rm", "-rf", self.place], check=True)
        self.place.mkdir(parents=True)
        os.chown(self.place, self.uid, self.gid)
        self.place.parent.chmod(0o755)
        staging.stage(
            str(original),
            str(target),
            order=self.order,
            listing_order=staging.order_of(str(self.place)),
            uid=self.uid,
            gid=self.gid,
        )
        return target

    def run(
        self, command: Sequence[str], directory: Path, timeout_s: float
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in this world."""
        return subprocess.run(
            [*self.words, *command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_s,
        )


def first(place: Path, variables: Sequence[str]) -> World:
    """The world of a developer who is root."""
    env = (
        *("HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", *variables),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    )
    words = ("env", "-i", *env, "sh", "-c", 'umask 022; exec "$@"', "sh")
    return World(name="one", place=place / "one", order="sorted", uid=0, gid=0, words=words)


def second(place: Path, variables: Sequence[str], user: User, locales: Path) -> World:
    """The world of somebody else."""
    env = (
        *(f"HOME={user.home}", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", f"LOCPATH={locales}"),
        *("TZ=GMT-14", "MAKEFLAGS=-j3", "PYTHONHASHSEED=4711", "NOISE=one variable more"),
        *(f"USER={user.name}", f"XDG_RUNTIME_DIR={user.home}/run", "NO_FAKE_STAT=1", *variables),
        "PATH=/bin:/usr/bin:/usr/local/bin:/usr/local/games",
    )
    words = (
        *("unshare", "--uts", "sh", "-c", 'hostname varied-host; exec "$@"', "sh"),
        *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"),
        *("setarch", "--uname-2.6", "--addr-no-randomize", "taskset", "-c", "0", "env", "-i", *env),
        *("faketime", "-f", "+373d", "sh", "-c", 'umask 077; exec "$@"', "sh"),
    )
    return World(
        name="two",
        place=place / "another" / "and-longer-place",
        order="reversed",
        uid=user.uid,
        gid=user.gid,
        words=words,
    )


def turkish(place: Path) -> Path:
    """Compile the Turkish locale for the second world."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["localedef", "--no-archive", "-c", "-i", "tr_TR", "-f", "UTF-8"]
    subprocess.run(
        [*command, str(place / "tr_TR.utf8")], capture_output=True, check=False, umask=0o022
    )
    return place
