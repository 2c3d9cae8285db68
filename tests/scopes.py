"""What systemd knows of scopes, for tests on a machine whose init it is."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.machine import until
from tests.users import User

PATIENCE_S = 60.0
CGROUPS = Path("/sys/fs/cgroup")


def systemctl(*words: str, manager: Sequence[str] = ("systemctl",)) -> str:
    """Call systemctl; returns what it printed."""
    done = subprocess.run([*manager, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def names(pattern: str) -> set[str]:
    """The scopes that systemd has of that name, failed ones too."""
    listed = systemctl("list-units", "--all", "--plain", "--no-legend", pattern)
    return {line.split()[0] for line in listed.splitlines()}


def gone(pattern: str) -> bool:
    """Whether no scope of that name is left, once systemd has heard of the last process's end."""
    return until(lambda: not names(pattern), PATIENCE_S)


def properties(unit: str, *wanted: str) -> dict[str, str]:
    """What systemd has in mind for a unit."""
    rows = systemctl("show", "-p", ",".join(wanted), unit).splitlines()
    return dict(row.split("=", 1) for row in rows)


def group_of(pid: int) -> str:
    """The control group of a process, as a path from the root of the tree."""
    return Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").strip().removeprefix("0::")


def limits(group: str, *files: str) -> dict[str, str]:
    """What the kernel's files of a group say."""
    return {name: (CGROUPS / group.strip("/") / name).read_text().strip() for name in files}


@contextmanager
def lingering(user: User) -> Iterator[dict[str, str]]:
    """Have a user's manager run; gives what a program needs in its environment to reach it."""
    subprocess.run(["loginctl", "enable-linger", user.name], check=True)
    directory = f"/run/user/{user.uid}"
    try:
        private = f"{directory}/systemd/private"
        assert until(lambda: os.path.exists(private), PATIENCE_S), f"{private} does not appear"
        yield {
            "XDG_RUNTIME_DIR": directory,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={directory}/bus",
        }
    finally:
        subprocess.run(["loginctl", "disable-linger", user.name], check=False)
        subprocess.run(["systemctl", "stop", f"user@{user.uid}.service"], check=False)
