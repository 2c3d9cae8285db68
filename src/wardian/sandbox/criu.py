"""Have CRIU take an image of a frozen box, where a CRIU that can is installed.

There is one for each process whose parent is the box's init, with all below it: init itself is the
launcher's. An image is a directory, named after the process's pid in the box. What is outside of it
on purpose: the mounts (but for the small writable one), the network and the namespace of pids; each
is external under the name that it has in the box, so nothing of the host's, and no program of the
host's but tar, is asked for.

Facts about CRIU here
---------------------
- A group that we froze must be named by --freeze-cgroup, else CRIU waits for ever for a process
  that can't answer. It thaws the group while it holds all of the group's processes by ptrace, and
  freezes it again afterwards. So the group is frozen before a CRIU that takes too long is killed.
- CRIU before 4.1 can't start on kernels from 6.13 on (the vDSO's data pages), 4.1 not on 6.18.
- Root of the initial user namespace only: an ordinary user's bundle has the core instead.
- It takes processes in a user namespace of their own only if that one owns their other namespaces
  and has an id 0 ("One or more namespaces doesn't belong to the target user namespace"). Boxes are
  built so where an image was asked for and can be had (box_plan); not those of a pool.
- The namespace of pids need not belong to it, but then it must be external.
- It reads the filters of seccomp; a listener is not dumped, nor in the way.

CRIU: criu(8), "criu dump"; https://criu.org/CLI. Kernel: cgroup-v2.rst, "cgroup.freeze".
"""

import os
import shutil
import signal
import subprocess
import time

from wardian.errors import HostError
from wardian.kernel import cgroup_files as files
from wardian.kernel.cgroup_files import UNIFIED
from wardian.sandbox import box_plan, offender, workdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.sandbox.box import Box

TIMEOUT_S = 10.0  # for all images of a box
VERSION_TIMEOUT_S = 5.0
LEAST = (4, 1)
MOST_BYTES = 256 << 20  # of memory
MOST_FILE_BYTES = 64 << 20  # above that the writable mount is external, too
MOST_IMAGES = 8
FAILED = "dump failed"
AFTERMATH = ("FAILED", "Unable to detach")
PLACES = "/usr/local/sbin:/usr/sbin:/sbin"  # besides PATH
OPTIONS = (
    *("--leave-running", "--shell-job", "--file-locks", "--ext-unix-sk", "--tcp-close"),
    *("--network-lock", "skip"),  # no network reaches it; iptables may not be there
    *("--timeout", "4"),  # to seize them all: who waits for its vfork can't be
    *("--manage-cgroups=ignore", "--ghost-limit", "64M", "--log-file", "dump.log"),
)


def lacks() -> str:
    """Return why no image can be had on this machine, "" where one can."""
    program = _program()
    if program is None:
        return "not installed"
    if os.geteuid() != 0:
        return "needs root"
    found = _version(program)
    if found < LEAST:
        return f"version {'.'.join(map(str, found)) or 'unknown'}; 4.1 or newer is needed"
    return ""


def dump(box: "Box", directory: str) -> "list[str]":
    """Write images of the box's processes; returns what is not there, and why, a line each.

    Args:
        box: that stands frozen.
        directory: where the images go; made.
    """
    if why := lacks():
        return [why]
    group = box.group.groups.get(UNIFIED) if box.group is not None else None
    if group is None or box.launch is None:
        return ["needs a cgroup2, by which the box stands"]
    pids = box.members()
    used = sum(map(_memory_bytes, pids))
    if used > MOST_BYTES:
        return [f"{used} bytes of memory, above {MOST_BYTES}"]
    init = str(box.launch.pid)
    trees = [pid for pid in pids if offender.read_status(pid).get("PPid") == init]
    kept = {"/"}
    if workdir.Fill(box.directory).used_bytes <= MOST_FILE_BYTES:
        kept.add(box_plan.WORKDIR)
    end_s = time.monotonic() + TIMEOUT_S
    lines = [f"{len(trees) - MOST_IMAGES} of {len(trees)} trees"] if trees[MOST_IMAGES:] else []
    for pid in trees[:MOST_IMAGES]:
        inner = (offender.read_status(pid).get("NSpid") or str(pid)).split()[-1]
        place = os.path.join(directory, inner)
        os.makedirs(place, 0o700)
        words = ["--tree", str(pid), "--images-dir", place, "--freeze-cgroup", group]
        words += [word for key in _outside(pid, kept) for word in ("--external", key)]
        if why := _run([*words, *OPTIONS], group, end_s - time.monotonic()):
            lines.append(f"{inner}: {why if why != FAILED else _last_error(place)}")
    return lines


def _outside(pid: int, kept: "set[str]") -> "list[str]":
    """Return CRIU's keys for what is no part of an image, each with its name in the box.

    Args:
        pid: of the tree.
        kept: mount points that are a part of it.
    """
    kinds = ["pid"] if shutil.which("ip", path=_path()) else ["pid", "net"]
    keys = [f"{kind}[{os.stat(f'/proc/{pid}/ns/{kind}').st_ino}]:{kind}" for kind in kinds]
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = dict.fromkeys(line.split()[4] for line in file)
    return keys + [f"mnt[{point}]:{point}" for point in points if point not in kept]


def _run(words: "list[str]", group: str, patience_s: float) -> str:
    """Run `criu dump`; returns why there is no image, "" where there is one."""
    command = [_program() or "criu", "dump", *words]
    environment = {"PATH": _path(), "LC_ALL": "C"}
    null = subprocess.DEVNULL
    try:
        started = subprocess.Popen(
            command, stdin=null, stdout=null, stderr=null, env=environment, process_group=0
        )
    except OSError as error:
        return str(error)
    try:
        status = started.wait(max(0.0, patience_s))
    except subprocess.TimeoutExpired:
        status = None
    finally:
        _stand(group)  # before it lets go of what it holds
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
    if status is None:
        return f"{TIMEOUT_S:g} s were over"
    return FAILED if status else ""


def _stand(group: str) -> None:
    try:
        files.write(f"{group}/cgroup.freeze", "1")
    except HostError:
        return  # the box is gone already


def _memory_bytes(pid: int) -> int:
    """Return the bytes of a process's memory that no file has."""
    status = offender.read_status(pid)
    words = (status.get(name, "0").split()[0] for name in ("RssAnon", "RssShmem", "VmSwap"))
    return sum(int(word) << 10 for word in words)


def _last_error(directory: str) -> str:
    """Return what CRIU's log says first of all that comes of one error."""
    try:
        with open(os.path.join(directory, "dump.log"), encoding="utf-8", errors="replace") as file:
            lines = [line.partition("): ")[2].strip() for line in file if "Error (" in line]
    except OSError:
        lines = []
    told = [line for line in lines if not any(word in line for word in AFTERMATH)]
    why = told[-1] if told else "it wrote no log"
    return f"{FAILED}: {why}"


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{PLACES}"


def _program() -> "str | None":
    return shutil.which("criu", path=_path())


def _version(program: str) -> "tuple[int, ...]":
    try:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    words = done.stdout.split()
    numbers = words[1].split(".") if len(words) > 1 else []
    return tuple(int(number) for number in numbers if number.isdigit())
