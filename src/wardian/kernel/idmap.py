"""Map user and group ids of a user namespace; subordinate ranges; newuidmap and newgidmap.

Facts about id maps
-------------------
A process without privileges may map one id, its own, and only after it gave up setgroups(2). For
more it needs newuidmap and newgidmap, which are setuid root (or carry file capabilities) and allow
what /etc/subuid and /etc/subgid grant: lines of `NAME:START:COUNT` or `UID:START:COUNT`, the group
file also by *user*. The kernel refuses a map with more than 340 lines or with lines that overlap,
on either side. Container id 0 becomes the caller, so files that root in the box makes belong to the
caller outside.

Kernel: user_namespaces(7), newuidmap(1), subuid(5).
"""

import errno
import os

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Range = tuple[int, int]
    MapLine = tuple[int, int, int]

MAXIMUM_LINES = 340  # linux/user_namespace.h: UID_GID_MAP_MAX_EXTENTS
MAXIMUM_ID = 0xFFFFFFFE  # (uid_t)-1 means "no id"
MAXIMUM_FILE_BYTES = 1 << 20
SUBUID = "/etc/subuid"
SUBGID = "/etc/subgid"
PLACES = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin")


class Maps:
    """The id maps of one user namespace.

    Attributes:
        uid_lines, gid_lines: lines (inside, outside, count).
        helper: newuidmap and newgidmap must write them.
    """

    __slots__ = ("gid_lines", "helper", "uid_lines")

    def __init__(
        self, uid_lines: "Iterable[MapLine]", gid_lines: "Iterable[MapLine]", *, helper: bool
    ) -> None:
        self.uid_lines = tuple(uid_lines)
        self.gid_lines = tuple(gid_lines)
        self.helper = helper

    @property
    def uid_map(self) -> str:
        """The text for /proc/PID/uid_map."""
        return format_map(self.uid_lines)

    @property
    def gid_map(self) -> str:
        """The text for /proc/PID/gid_map."""
        return format_map(self.gid_lines)


def parse_ranges(text: str, names: "Iterable[str]") -> "list[Range]":
    """Return the (start, count) pairs that `text`, a subuid(5) file, grants to any of `names`.

    Lines that make no sense are skipped, as newuidmap does; so are ranges that overlap an earlier
    one.
    """
    wanted = frozenset(names)
    found: list[Range] = []
    for line in text.split("\n"):
        fields = line.partition("#")[0].strip().split(":")
        if len(fields) != 3 or fields[0] not in wanted:
            continue
        start, count = _number(fields[1]), _number(fields[2])
        if start < 0 or count <= 0 or start + count - 1 > MAXIMUM_ID:
            continue
        if not any(start < other + many and other < start + count for other, many in found):
            found.append((start, count))
        if len(found) == MAXIMUM_LINES - 1:
            break
    return found


def _number(field: str) -> int:
    if not (0 < len(field) <= 10 and field.isascii() and field.isdigit()):
        return -1
    return int(field)


def ranges(name: str, uid: int, path: str = SUBUID) -> "list[Range]":
    """Return the subordinate (start, count) pairs of a user; empty where the file is missing.

    Args:
        name: the user's name; "" where it has none.
        uid: the user's id, also for /etc/subgid.
        path: the file, /etc/subuid or /etc/subgid.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MAXIMUM_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return parse_ranges(text, (name, str(uid)) if name else (str(uid),))


def user_name(uid: int) -> str:
    """Return the name of a user; "" where the system knows none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def find_helper(name: str) -> str:
    """Return the path of newuidmap or newgidmap; "" where it is not installed."""
    for place in (*os.environ.get("PATH", "").split(":"), *PLACES):
        path = f"{place}/{name}"
        if place.startswith("/") and os.access(path, os.X_OK):
            return path
    return ""


def grant_command(user: str) -> str:
    """Return the command that gives a user subordinate ids."""
    return f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"


def build_map(own: int, subordinate: "Iterable[Range]") -> "tuple[MapLine, ...]":
    """Return lines (inside, outside, count): 0 is `own`, then come the subordinate ranges."""
    lines = [(0, own, 1)]
    inside = 1
    for start, count in subordinate:
        if start <= own < start + count:  # mapping an id twice is refused
            continue
        lines.append((inside, start, count))
        inside += count
    return tuple(lines[:MAXIMUM_LINES])


def rootless_maps(uid: int, gid: int, *, subuid: str = SUBUID, subgid: str = SUBGID) -> Maps:
    """Choose the id maps of a box that an ordinary user starts.

    Without newuidmap and newgidmap, or without subordinate ids, a map has one line: root in the box
    is the caller, and no other id exists.
    """
    if find_helper("newuidmap") and find_helper("newgidmap"):
        name = user_name(uid)
        uids = ranges(name, uid, subuid)
        gids = ranges(name, uid, subgid) if uids else []
        if uids and gids:
            return Maps(build_map(uid, uids), build_map(gid, gids), helper=True)
    return Maps(build_map(uid, ()), build_map(gid, ()), helper=False)


def format_map(lines: "Iterable[MapLine]") -> str:
    """Return the map as /proc/PID/uid_map takes it."""
    return "".join(f"{inside} {outside} {count}\n" for inside, outside, count in lines)


def write_maps(pid: int, maps: Maps) -> None:
    """Give the user namespace of process `pid` its ids; works once.

    Directly, without newuidmap, an unprivileged caller may map only itself.

    Raises:
        UnsupportedError: a helper is missing or refused.
        KernelError: EPERM where the map is not allowed to the caller or was written before.
    """
    if maps.helper:
        _run_helper("newuidmap", pid, maps.uid_lines, SUBUID)
        _run_helper("newgidmap", pid, maps.gid_lines, SUBGID)
        return
    if not probe.facts().is_privileged:
        _write(f"/proc/{pid}/setgroups", "deny")
    _write(f"/proc/{pid}/uid_map", maps.uid_map)
    _write(f"/proc/{pid}/gid_map", maps.gid_map)


def _write(path: str, text: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())  # the kernel takes a map in one write
        finally:
            os.close(fd)
    except OSError as error:
        hint = ""
        if error.errno in (errno.EPERM, errno.EACCES):
            hint = "`wardian doctor` says whether this machine allows user namespaces to this user"
        raise KernelError(f'write("{path}", {text!r})', error.errno or 0, hint=hint) from None


def _run_helper(name: str, pid: int, lines: "Sequence[MapLine]", file: str) -> None:
    path = find_helper(name)
    if not path:
        raise UnsupportedError(
            f'running "{name}" to map ids: it is not installed',
            feature="subordinate ids",
            hint="install the package uidmap (Debian) or shadow-utils (Fedora)",
        )
    words = [name, str(pid), *(str(number) for line in lines for number in line)]
    status, said = _spawn(path, words)
    if status == 0 or (status < 0 and _is_mapped(pid, name)):
        return
    user = user_name(os.geteuid()) or str(os.geteuid())
    raise UnsupportedError(
        f'running "{" ".join(words)}": {said or f"it ended with status {status}"}',
        feature="subordinate ids",
        hint=f'"{path}" must be setuid root, and "{file}" must grant the range: a line '
        f'"{user}:100000:65536", or `{grant_command(user)}`',
    )


def _spawn(path: str, words: "list[str]") -> tuple[int, str]:
    """Run a helper; return its exit status (-1: somebody else reaped it) and what it said."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.posix_spawn(
            path,
            words,
            {"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            file_actions=[(os.POSIX_SPAWN_DUP2, writer, 2), (os.POSIX_SPAWN_DUP2, writer, 1)],
        )
    except OSError as error:
        os.close(reader)
        raise KernelError(f'posix_spawn("{path}")', error.errno or 0) from None
    finally:
        os.close(writer)
    said = b""
    while True:
        data = os.read(reader, 4096)
        if not data:
            break
        said = (said + data)[:4096]
    os.close(reader)
    try:
        _pid, status = os.waitpid(pid, 0)
    except ChildProcessError:  # SIGCHLD is ignored in this process, so the kernel reaped it
        return -1, ""
    code = os.waitstatus_to_exitcode(status)
    words_said = " ".join(said.decode("utf-8", "replace").split())
    return (code if code >= 0 else 128 - code), words_said


def _is_mapped(pid: int, helper: str) -> bool:
    kind = "uid_map" if helper == "newuidmap" else "gid_map"
    try:
        with open(f"/proc/{pid}/{kind}", "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False
