"""Ordinary users that the tests create, and programs that run as them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import wardian
from tests.machine import missing, requires

PREFIX = "wardian-test-"
SUBORDINATES = 65536
PACKAGE = Path(wardian.__file__).resolve().parent  # in the lab the wheel's, with its launcher
SCRIPTS = Path(__file__).resolve().parent.parent / "bin"
ADMIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Done = subprocess.CompletedProcess[str]


class User:
    """A user of this machine with a home, who can run wardian.

    Attributes:
        name, uid, gid: as in /etc/passwd.
        home: a directory that only this user may enter.
        prefix: where wardian is installed for this user, with bin/ and lib/.
    """

    def __init__(self, name: str, ids: tuple[int, int], home: Path, prefix: Path) -> None:
        self.name = name
        self.uid, self.gid = ids
        self.home = home
        self.prefix = prefix

    @property
    def environment(self) -> dict[str, str]:
        """What a login would give; nothing of the tests' own."""
        return {
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": f"{self.prefix}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002 - subprocess.run's word
        timeout_s: float = 120,
    ) -> Done:
        """Run a program as this user, in the user's home."""
        return subprocess.run(
            argv,
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            umask=0o022,
            cwd=self.home,
            env={**self.environment, **(env or {})},
            input="" if input is None else input,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def python(
        self, code: str, *args: str, env: Mapping[str, str] | None = None, timeout_s: float = 120
    ) -> Done:
        """Run Python code that can import wardian."""
        (library,) = self.prefix.glob("lib/python3.*/site-packages")
        return self.run(
            [str(self.prefix / "bin" / "python3"), "-s", "-c", code, *args],
            env={"PYTHONPATH": str(library), **(env or {})},
            timeout_s=timeout_s,
        )

    def wardian(self, args: Sequence[str], **options: str) -> Done:
        """Run the command; options as of run()."""
        return self.run([str(self.prefix / "bin" / "wardian"), *args], input=options.get("input"))


def _administer(*argv: str) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env={**os.environ, "PATH": ADMIN_PATH}
    )
    if done.returncode:
        missing(f"{argv[0]} (it said: {done.stderr.strip()})")


def _free_subordinates() -> int:
    """Return the first of a range of ids that no one has."""
    end = 1 << 20
    for path in ("/etc/subuid", "/etc/subgid"):
        if os.path.exists(path):
            for line in Path(path).read_text(encoding="utf-8").splitlines():
                _name, first, count = line.split(":")
                end = max(end, int(first) + int(count))
    return end


def _remove_dead_sessions() -> None:
    """Remove users of test sessions that were killed."""
    for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines():
        name = line.partition(":")[0]
        pid = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            _administer("userdel", name)


def interpreter_for_everybody() -> Path:
    """Return a Python that every user may execute; the tests' own often lies in a private home."""
    probe = "import sys; sys.exit(sys.version_info < (3, 11))"
    own = getattr(sys, "_base_executable", sys.executable)
    for path in (own, "/usr/bin/python3", "/usr/local/bin/python3"):
        real = Path(path).resolve()
        try:
            done = subprocess.run(
                [str(real), "-I", "-c", probe],
                user=65534,
                group=65534,
                extra_groups=[],
                capture_output=True,
                check=False,
                cwd="/",
            )
        except OSError:
            continue
        if done.returncode == 0:
            return real
    return missing("a Python 3.11 that ordinary users may run (Debian's python3)")


@contextmanager
def installation() -> Iterator[Path]:
    """Yield a prefix, readable by everybody, in which wardian is installed."""
    python = interpreter_for_everybody()
    version = subprocess.run(
        [python, "-I", "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="wardian-tests-") as name:
        prefix = Path(name)
        prefix.chmod(0o755)
        library = prefix / "lib" / version / "site-packages"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, library / "wardian", ignore=ignored)
        (prefix / "bin").mkdir()
        for script in SCRIPTS.iterdir():
            shutil.copy(script, prefix / "bin" / script.name)
        for alias in ("python3", version):
            (prefix / "bin" / alias).symlink_to(python)
        subprocess.run([python, "-I", "-m", "compileall", "-q", library], check=True)
        yield prefix


@contextmanager
def user(kind: str, prefix: Path, *, subordinates: bool) -> Iterator[User]:
    """Make a user of this machine, and remove it with all that it has.

    Args:
        kind: the last word of the user's name.
        prefix: where wardian is installed.
        subordinates: whether the user gets ranges of subordinate ids.
    """
    requires("root", "useradd")
    _remove_dead_sessions()
    name = f"{PREFIX}{os.getpid()}-{kind}"
    with tempfile.TemporaryDirectory(prefix="wardian-home-") as top:
        os.chmod(top, 0o755)
        home = Path(top) / "home"
        home.mkdir(mode=0o700)
        (home / "run").mkdir(mode=0o700)
        shell = ["--shell", "/bin/sh", "--home-dir", str(home), "--no-create-home"]
        _administer("useradd", "--system", "--user-group", *shell, name)
        try:
            ids = _give_home(name, home)
            if subordinates:
                requires("newuidmap")
                first = _free_subordinates()
                added = f"{first}-{first + SUBORDINATES - 1}"
                _administer("usermod", "--add-subuids", added, "--add-subgids", added, name)
            yield User(name, ids, home, prefix)
        finally:
            _end_processes(ids[0])
            _administer("userdel", name)


def _give_home(name: str, home: Path) -> tuple[int, int]:
    """Give the home to its user; returns the user's uid and gid."""
    import pwd

    entry = pwd.getpwnam(name)
    for path in (home, home / "run"):
        os.chown(path, entry.pw_uid, entry.pw_gid)
    return entry.pw_uid, entry.pw_gid


def _end_processes(uid: int) -> None:
    """Kill what still runs as this user; the session's last check has already named it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            continue
