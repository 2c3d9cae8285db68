"""Run a command in a box, and take what it opened: --trace.

The box's seccomp filter hands each call that names a file to us before it happens; we note the name
and let it go on. So all processes of the box are seen, whatever they are linked with, from their
first instruction; names come as the program wrote them, so that every symbolic link on the way is
known; and the program is neither slower between these calls nor a tracer's child. Why not ptrace or
fanotify: docs/decisions/0012-tracing-by-seccomp.md.

Facts about what is taken
-------------------------
What was opened or executed and is there in the box's base, is taken; so is a directory that was
looked at, empty. A file that was only looked at (stat) is a landmark more often than not, by which
Python finds its library; unless there are very many, which is a walk: `find /` looks at everything.
What the box wrote itself is its output, and not there in the base. The kernel opens the loader of a
program, and the interpreter of a script, without a call: closures know these.

What only its owner may read is not taken: the image would show it to everybody.

Facts about whose memory may be read
------------------------------------
Who made a user namespace has all capabilities in it, so an ordinary user may read the memory of its
boxes, whatever ids they have. Not that of the launcher, though, which is not dumpable until it has
become the program: the names that it tries are those of its plan.

Kernel: seccomp_unotify(2), openat2(2), execveat(2), proc(5), user_namespaces(7), ptrace(2).
"""

import json
import os
import select
import tempfile
import threading
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, NamedTuple

from wardian import errors
from wardian.engine import closure, directories, hostbase, profiles
from wardian.engine.container import Container
from wardian.kernel import elf, libseccomp, process_memory
from wardian.kernel.seccomp_notify import Listener
from wardian.pack.contents import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wardian.kernel.seccomp_notify import Notification
    from wardian.pack.contents import Contents
    from wardian.runtime.plan import Plan

GROUP = "trace"
OPENED, EXECUTED, LOOKED_AT = "opened", "executed", "looked at"
# call: (place of the directory's descriptor or -1, place of the name, what it does)
CALLS = {
    "open": (-1, 0, OPENED),
    "openat": (0, 1, OPENED),
    "openat2": (0, 1, OPENED),
    "execve": (-1, 0, EXECUTED),
    "execveat": (0, 1, EXECUTED),
    "stat": (-1, 0, LOOKED_AT),
    "stat64": (-1, 0, LOOKED_AT),
    "lstat": (-1, 0, LOOKED_AT),
    "lstat64": (-1, 0, LOOKED_AT),
    "newfstatat": (0, 1, LOOKED_AT),
    "fstatat64": (0, 1, LOOKED_AT),
    "statx": (0, 1, LOOKED_AT),
    "access": (-1, 0, LOOKED_AT),
    "faccessat": (0, 1, LOOKED_AT),
    "faccessat2": (0, 1, LOOKED_AT),
    "readlink": (-1, 0, LOOKED_AT),
    "readlinkat": (0, 1, LOOKED_AT),
    "chdir": (-1, 0, LOOKED_AT),
}
# linux/fcntl.h
AT_FDCWD = -100

SEEN_MAX = 1000  # files that a run looks at without a walk over trees
_PATH_BYTES = 4096
_PAGE_BYTES = 4096
_OURS = ("/proc", "/sys", "/dev", "/run/wardian")


class Trace(NamedTuple):
    """What a run used.

    Attributes:
        exit_code: of the command.
        files: real path in the box: what was done with it, by which program.
        seen: files that were looked at, and not opened.
        links: symbolic link: its target.
        folders: directories that were opened or looked at.
        program: the path of the command itself.
    """

    exit_code: int
    files: "dict[str, str]"
    seen: "dict[str, str]"
    links: "dict[str, str]"
    folders: "set[str]"
    program: str


class Tracer:
    """Notes the names of a box's calls."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.folders: set[str] = set()
        self.first = ""
        self._is_hidden = False  # the launcher's own calls can't be read
        self._names: dict[tuple[int, int], str] = {}
        self._known: set[tuple[str, str]] = set()
        self._thread: threading.Thread | None = None
        self.failure: BaseException | None = None

    def take(self, fd: int) -> None:
        """Take the listener, and answer from now on."""
        self._thread = threading.Thread(target=self._serve, args=(fd,), name="trace", daemon=True)
        self._thread.start()

    def begin(self, names: "Sequence[str]", places: "Places") -> None:
        """Note what the launcher executed, where that could not be read.

        Args:
            names: what it tried, until one could be executed.
            places: where the box's files are.
        """
        for name in () if self.first else names:
            real, links = resolve(name, places.source)
            self.links.update(links)
            mode = os.lstat(places.source(real)).st_mode if real else 0
            if S_ISREG(mode) and mode & 0o111:
                self.first = name
                self.files[real] = "asked for"
                return

    def finish(self) -> None:
        """Wait until no process of the box is left."""
        if self._thread is not None:
            self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _serve(self, fd: int) -> None:
        listener = Listener(fd)
        listener.wake_up_at_once()
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        try:
            while True:
                events = poll.poll()[0][1]
                if not events & select.POLLIN:
                    return
                one = listener.receive()
                if one is None:
                    continue
                try:
                    self._note(one, listener)
                except PermissionError:
                    self._is_hidden = True  # it is still the launcher (`begin`)
                except OSError:
                    pass  # it has ended meanwhile
                except errors.WardianError as error:
                    self.failure = error
                listener.let_go_on(one)
        finally:
            os.close(fd)

    def _note(self, one: "Notification", listener: Listener) -> None:
        key = (one.number, one.audit)
        if key not in self._names:
            self._names[key] = libseccomp.call_name(*key)
        at, place, what = CALLS[self._names[key]]
        name = _string(one.tid, one.arguments[place])
        if not name:
            return
        directory = one.arguments[at] & 0xFFFFFFFF if at >= 0 else AT_FDCWD & 0xFFFFFFFF
        if not name.startswith("/"):
            if directory == AT_FDCWD & 0xFFFFFFFF:
                name = f"{os.readlink(f'/proc/{one.tid}/cwd')}/{name}"
            else:
                name = f"{process_memory.descriptor_path(one.tid, directory)}/{name}"
        if (name, what) in self._known or name.startswith(_OURS):
            return
        self._known.add((name, what))  # what comes into being later is not the base's
        real, links = resolve(name, f"/proc/{one.tid}/root")
        mode = os.lstat(f"/proc/{one.tid}/root{real}").st_mode if real else 0
        by = os.readlink(f"/proc/{one.tid}/exe")
        if not listener.is_valid(one):
            return
        self.links.update(links)
        is_first = what == EXECUTED and not self.first and not self._is_hidden
        if is_first and S_ISREG(mode) and mode & 0o111:
            self.first, by = name, ""
        if S_ISDIR(mode):
            self.folders.add(real)
        elif S_ISREG(mode):
            files = self.seen if what == LOOKED_AT else self.files
            files.setdefault(real, f"{what} by {by}" if by else "asked for")


def _string(tid: int, address: int) -> str:
    """Read a name from a process's memory; "" where it points nowhere."""
    data = b""
    while len(data) < _PATH_BYTES:
        at = address + len(data)
        more = process_memory.read(tid, at, _PAGE_BYTES - at % _PAGE_BYTES)  # the next may be none
        data += more
        if b"\0" in more or not more:
            break
    return os.fsdecode(data.partition(b"\0")[0])


def profile() -> "dict[str, Any]":
    """Return the default filter, with the calls that name files handed to a supervisor."""
    with open(profiles.DEFAULT_PROFILE, encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    for rule in document["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name not in CALLS]
    document["syscalls"] = [rule for rule in document["syscalls"] if rule["names"]]
    document["syscalls"].append({"names": sorted(CALLS), "action": "SCMP_ACT_NOTIFY"})
    return document


def run(command: "Sequence[str]", options: "dict[str, Any]", places: "Places") -> Trace:
    """Run a command in a box on the host's own programs, and note what it uses.

    Args:
        command: the program and its arguments.
        options: of the box, as of wardian.run: volume, env, workdir, user ...
        places: where the box's files are.

    Raises:
        LaunchError: the command can't be started.
    """
    tracer = Tracer()
    with tempfile.TemporaryDirectory(prefix="wardian-trace-") as folder:
        with open(f"{folder}/profile.json", "w", encoding="utf-8") as file:
            json.dump(profile(), file)
        words = {**options, "security_opt": [f"seccomp={folder}/profile.json"]}
        with Container(list(command), on_listener=tracer.take, **words) as container:
            container.start(stdout=2)  # our standard output is for what was packed
            result = container.wait()
            plan = container.plan
        tracer.finish()
    tracer.begin(_tried(plan, str(options.get("workdir") or "/")), places)
    seen = {path: why for path, why in tracer.seen.items() if path not in tracer.files}
    return Trace(result.exit_code, tracer.files, seen, tracer.links, tracer.folders, tracer.first)


def _tried(plan: "Plan", workdir: str) -> "list[str]":
    """Return the paths that the launcher tries, as execvp(3) does."""
    words: Any = next(step.args for step in plan.steps if step.name == "exec")
    program, _arguments, env = words
    if "/" in program:
        return [os.path.join(workdir, program)]
    search = next((row[5:] for row in env if row.startswith("PATH=")), "")
    return [os.path.join(workdir, folder, program) for folder in search.split(":")]


# ---- from a trace to an image -------------------------------------------------------------


class Places:
    """Where on this machine the files of a traced box are.

    Args:
        volumes: as --volume has them: SRC:DST[:ro].
    """

    def __init__(self, volumes: "Sequence[str]") -> None:
        from wardian.engine import mount_words

        found = hostbase.prepare(directories.root())
        self._rows = [(at.rstrip("/"), lower) for at, lower in found.parts]
        self._rows += [
            (one.target.rstrip("/"), one.source) for one in mount_words.mounts(volumes, [], [])
        ]
        self._rows.sort(key=lambda row: -len(row[0]))

    def source(self, path: str) -> str:
        """Return the file or directory that the box saw at a path."""
        for at, lower in self._rows:
            if path == at or path.startswith(f"{at}/"):
                return lower + path[len(at) :]
        return path


def add(contents: "Contents", found: Trace, places: Places) -> None:
    """Add what a run used, and what the kernel opened for it.

    Args:
        contents: what the image holds so far.
        found: the run.
        places: where its box's files are.

    Raises:
        KernelError: a file can't be read.
    """
    files = dict(found.files)
    if len(found.seen) <= SEEN_MAX:
        files.update(found.seen)
    else:
        contents.note(f"{len(found.seen)} files were looked at and not opened; they are left out")
    for path, why in sorted(files.items()):
        _file(contents, places, path, why)
    for path, target in found.links.items():
        if os.path.islink(places.source(path)):
            contents.link(path, target, "leads to what was used", GROUP)
    for path in found.folders:
        if os.path.isdir(places.source(path)):
            contents.directory(path, "was looked at", GROUP)
    _loaders(contents, places)


def _file(contents: "Contents", places: Places, path: str, why: str) -> None:
    source = places.source(path)
    try:
        mode = os.lstat(source).st_mode
    except OSError:
        return  # the box made it itself
    if not S_ISREG(mode):
        return
    if not mode & 0o004:
        contents.note(f'"{path}" was used, and is left out: only its owner may read it')
        return
    contents.file(path, source, why, GROUP)
    if module := _python_source(path):
        _from(contents, places, module, f"{path} counts only beside it")


def _python_source(path: str) -> str:
    """Return the source of a compiled module: Python looks at its time, and need not open it."""
    folder, found, name = path.rpartition("/__pycache__/")
    return f"{folder}/{name.partition('.')[0]}.py" if found and name.endswith(".pyc") else ""


def _loaders(contents: "Contents", places: Places) -> None:
    """Add the loaders of the programs and the interpreters of scripts: the kernel opened them."""
    for path, thing in sorted(contents.things.items()):
        if thing.group != GROUP or not isinstance(thing.source, str) or not thing.source:
            continue
        binary = elf.read(thing.source)
        if binary is not None and binary.interpreter:
            _from(contents, places, binary.interpreter, f"loader of {path}")
        elif binary is None:
            try:
                line = elf.interpreter_line(elf.strings_of(thing.source, 256))
            except errors.SpecError:
                line = None
            if line and any(reason.startswith((EXECUTED, "asked")) for reason in thing.reasons):
                contents.take(closure.closure_of([line[0]]), GROUP)


def _from(contents: "Contents", places: Places, path: str, why: str) -> None:
    """Add a file of the box that the trace has not seen, if it is there."""
    real, links = resolve(path, places.source)
    for at, target in links:
        contents.link(at, target, f"leads to {path}", GROUP)
    if real and os.path.isfile(places.source(real)):
        contents.file(real, places.source(real), why, GROUP)
