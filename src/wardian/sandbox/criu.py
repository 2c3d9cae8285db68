"""Have CRIU take an image of a frozen box, where a CRIU that can is installed.

Facts about CRIU here
---------------------
- A group that we froze must be named by --freeze-cgroup, else CRIU waits for ever for a process
  that can't answer; it is frozen again afterwards.
- CRIU before 4.1 can't start on kernels from 6.13 on (the vDSO's data pages).
- Root of the initial user namespace only: an ordinary user's bundle has the core instead.
- It takes processes in a user namespace of their own only if all their namespaces belong to that
  one ("One or more namespaces doesn't belong to the target user namespace", CRIU 4.1). Those of a
  box that root makes belong to the host's, so that no capability in the box has power over them:
  CRIU then refuses, the bundle says so in CRIU's words, and has the core.

CRIU: criu(8), "criu dump"; https://criu.org/CLI.
"""

import os
import shutil
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.sandbox.box import Box

TIMEOUT_S = 10.0
LEAST = (4, 1)


def dump(box: "Box", directory: str) -> str:
    """Write an image of the box's processes; returns why there is none, or "" where there is.

    Args:
        box: that stands frozen.
        directory: where the image goes; made.
    """
    program = shutil.which("criu")
    if program is None:
        return "not installed"
    found = _version(program)
    if found < LEAST:
        return f"version {'.'.join(map(str, found)) or 'unknown'}; 4.1 or newer is needed"
    group = box.group.groups.get("unified") if box.group is not None else None
    pids = box.members()
    if group is None or not pids or os.geteuid() != 0:
        return "needs root and a cgroup2 that is frozen"
    os.makedirs(directory, 0o700)
    command = [program, "dump", "--tree", str(pids[0]), "--images-dir", directory]
    command += ["--freeze-cgroup", group, "--leave-running", "--shell-job", "--ghost-limit", "64M"]
    command += ["--log-file", "dump.log", "--tcp-close", "--file-locks", "--ext-unix-sk"]
    command += ["--network-lock", "skip"]  # no network reaches it; iptables may not be there
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"dump failed: {_last_error(directory)}"


def _last_error(directory: str) -> str:
    """Return what CRIU's log says before "Dumping FAILED"."""
    try:
        with open(os.path.join(directory, "dump.log"), encoding="utf-8", errors="replace") as file:
            lines = [line.partition("): ")[2].strip() for line in file if "Error (" in line]
    except OSError:
        lines = []
    return next((line for line in reversed(lines) if "FAILED" not in line), "it wrote no log")


def _version(program: str) -> "tuple[int, ...]":
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    words = done.stdout.split()
    numbers = words[1].split(".") if len(words) > 1 else []
    return tuple(int(number) for number in numbers if number.isdigit())
