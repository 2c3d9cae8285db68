"""The evidence bundle: all that can be seen of a box that stands, in one directory.

    summary.md          for a person
    event.json          the violation, as in the log
    manifest.json       every file with its size and SHA-256; what was left out, and why
    processes/PID/      status, limits, maps, stack, open files, environment ... of each process
    core                memory and registers of the offender; `gdb PROGRAM core`
    writable.tar        what the program wrote
    cgroup/             the counters of its control group
    criu/PID/           CRIU's image of a tree of processes, where that was asked for

Whatever is in it was in a hostile program's hands, and may be a secret of whoever gave it data: the
directory is for its owner alone. It is bounded in size and in time; what does not fit is named in
the manifest. It is written under another name, synced, and then put in its place.

Kernel: proc(5), core(5).
"""

import hashlib
import io
import json
import os
import tarfile
import time

from wardian.errors import KernelError
from wardian.kernel import elf_core, paths, registers
from wardian.kernel.process_memory import Memory
from wardian.sandbox import offender, summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from wardian.kernel.seccomp_notify import Notification
    from wardian.sandbox.box import Box
    from wardian.sandbox.verdict import Violation

MOST_BYTES = 64 << 20  # of the core, of the writable files, and of what /proc says
TEMPORARY = ".tmp-wardian-"  # the directory is the user's, and may have other things
TIMEOUT_S = 2.0
PROCESSES_TIMEOUT_S = 0.8  # so that there is time for the core and the files
SYNC_TIMEOUT_S = 1.0
PROCESSES = 128
THREADS = 256
FILE_BYTES = 1 << 20
SMAPS_BYTES = 32 << 20
DESCRIPTORS = 1024
TAR_ENTRIES = 10_000
PROC_FILES = (
    *("status", "limits", "maps", "stat", "io", "syscall", "wchan", "stack", "cgroup"),
    *("environ", "cmdline", "mountinfo", "net/unix"),
)
REGISTERS_TIMEOUT_S = 0.25


def sweep(directory: str) -> None:
    """Remove what a supervisor that was killed has left of its bundles."""
    with os.scandir(directory) as found:
        for entry in [one for one in found if one.name.startswith(TEMPORARY) and one.is_dir()]:
            lock_fd = paths.lock_left(entry.path)
            if lock_fd < 0:
                continue
            try:
                paths.remove_tree(entry.path)
            except KernelError:
                pass  # the next sweep tries again
            finally:
                os.close(lock_fd)


class Bundle:
    """One bundle on its way.

    Attributes:
        left_out: what is not in it, a line each.
        records: of the kernel's audit; None where they could not be read.
        tree: (pid, its parent, command line, state) of each process.
    """

    def __init__(self, directory: str, box: "Box", *, with_criu: bool = False) -> None:
        self._box = box
        self._with_criu = with_criu
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        name = f"{stamp}-{box.name}-{os.urandom(3).hex()}"
        self._path = os.path.join(directory, name)
        self._directory = directory
        self._temporary = ""
        self._end_s = time.monotonic() + TIMEOUT_S
        self._sync_end_s = time.monotonic() + SYNC_TIMEOUT_S
        self._offender = 0
        self._process_bytes = 0
        self.left_out: list[str] = []
        self.records: list[dict[str, Any]] | None = None
        self.tree: list[tuple[int, int, str, str]] = []

    def take(
        self, record: "Violation", one: "Notification | None", line: "dict[str, Any]"
    ) -> str | None:
        """Make the bundle; returns its directory, or None where it could not be begun.

        Args:
            record: the violation.
            one: its notification; None where a signal called it off.
            line: the log's line.
        """
        self._offender = record.pid
        try:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            self._temporary, lock_fd = paths.make_locked(self._directory, TEMPORARY)
        except OSError:
            return None
        try:
            self._make(record, one, line)
        finally:
            os.close(lock_fd)
        return self._path

    def _make(
        self, record: "Violation", one: "Notification | None", line: "dict[str, Any]"
    ) -> None:
        parts: tuple[Callable[[], None], ...] = (
            lambda: self._put("event.json", json.dumps(line, indent=1).encode() + b"\n"),
            self._audit,
            self._processes,
            self._group,
            lambda: self._core(record, one),
            self._writable,
            self._criu,
            lambda: self._put("summary.md", summary.write(line, self.tree, self.left_out).encode()),
            self._manifest,
        )
        for part in parts:
            try:
                part()
            except Exception as error:  # noqa: BLE001 - a hostile program's state; the rest is kept
                self.left_out.append(f"{type(error).__name__}: {error}")
        os.rename(self._temporary, self._path)
        paths.sync_directory(self._directory)

    def _audit(self) -> None:
        if self.records is None:
            self.left_out.append("audit.json: the kernel's records could not be read")
        self._put("audit.json", json.dumps(self.records, indent=1).encode() + b"\n")

    def _is_late(self, what: str) -> bool:
        if time.monotonic() < self._end_s:
            return False
        self.left_out.append(f"{what}: {TIMEOUT_S:g} s were over")
        return True

    def _put(self, name: str, data: bytes) -> None:
        path = os.path.join(self._temporary, name)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(data)

    # ---- processes ------------------------------------------------------------------------

    def _processes(self) -> None:
        pids = self._box.members()
        pids.sort(key=lambda pid: pid != self._offender)  # whoever did it comes first
        if len(pids) > PROCESSES:
            self.left_out.append(f"processes: {len(pids) - PROCESSES} of {len(pids)}")
        end_s = time.monotonic() + PROCESSES_TIMEOUT_S
        for place, pid in enumerate(pids[:PROCESSES]):
            if time.monotonic() > end_s:
                left = len(pids[:PROCESSES]) - place
                self.left_out.append(f"processes: {left} more, {PROCESSES_TIMEOUT_S:g} s were over")
                return
            if self._process_bytes > MOST_BYTES:
                left = len(pids[:PROCESSES]) - place
                self.left_out.append(f"processes: {left} more, above {MOST_BYTES} bytes")
                return
            self._process(pid)

    def _process(self, pid: int) -> None:
        status = offender.read_status(pid)
        command = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").strip()
        parent = int(status.get("PPid", "0") or 0)
        self.tree.append(
            (pid, parent, command.decode("utf-8", "backslashreplace"), status.get("State", ""))
        )
        for name in PROC_FILES:
            data = _read(f"/proc/{pid}/{name}")
            self._process_bytes += len(data)
            if data:
                self._put(f"processes/{pid}/{name.replace('/', '-')}", data)
        rows = [f"{name} -> {target}" for name, target in _descriptors(pid)]
        self._put(
            f"processes/{pid}/fd", "\n".join(rows).encode("utf-8", "backslashreplace") + b"\n"
        )
        links = [f"{name} -> {_link(f'/proc/{pid}/{name}')}" for name in ("exe", "cwd", "root")]
        self._put(
            f"processes/{pid}/links", "\n".join(links).encode("utf-8", "backslashreplace") + b"\n"
        )
        for tid in _threads(pid):
            stack = _read(f"/proc/{pid}/task/{tid}/stack")
            call = _read(f"/proc/{pid}/task/{tid}/syscall")
            self._put(f"processes/{pid}/threads/{tid}", call + stack)

    def _group(self) -> None:
        if self._box.group is None:
            return
        for hierarchy, directory in self._box.group.groups.items():
            for name in sorted(os.listdir(directory)):
                if name.startswith(("cgroup.event", "memory.", "pids.", "cpu", "freezer.")):
                    data = _read(f"{directory}/{name}")
                    if data:
                        self._put(f"cgroup/{hierarchy}/{name}", data)

    # ---- memory ---------------------------------------------------------------------------

    def _core(self, record: "Violation", one: "Notification | None") -> None:
        pid = record.pid
        if one is None or pid <= 0:
            self.left_out.append("core: the offender could not be told")
            return
        smaps = _read(f"/proc/{pid}/smaps", SMAPS_BYTES)
        if len(smaps) >= SMAPS_BYTES:
            smaps = smaps[: smaps.rfind(b"\n") + 1]
            self.left_out.append(f"core: mappings behind the first {SMAPS_BYTES} bytes of smaps")
        mappings = elf_core.mappings_of(smaps.decode("utf-8", "surrogateescape"))
        if not mappings:
            self.left_out.append("core: the memory map can't be read")
            return
        lost = elf_core.choose(mappings, MOST_BYTES)
        if lost:
            self.left_out.append(f"core: {lost} bytes of memory, above {MOST_BYTES}")
        inner = {
            tid: int((offender.read_status(tid).get("NSpid") or "0").split()[-1])
            for tid in _threads(pid)
        }
        tids = [one.tid, *(tid for tid in _threads(pid) if tid != one.tid)][:THREADS]
        # In the v1 freezer nobody answers to ptrace before the thaw, nor who waits for an answer.
        is_deaf = self._box.group is not None and "unified" not in self._box.group.groups
        able = [tid for tid in tids if not is_deaf and tid not in self._box.held]
        sets = registers.read(able, REGISTERS_TIMEOUT_S)
        if one.tid not in sets:
            self.left_out.append("core: registers by ptrace; only those of the call")
            sets[one.tid] = {elf_core.NT_PRSTATUS: _registers_of_call(one)}
        threads = [elf_core.Thread(inner.get(tid, tid), sets[tid]) for tid in tids if tid in sets]
        path = os.path.join(self._temporary, "core")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with Memory(pid) as memory:
                command = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ")
                about = elf_core.Process(
                    record.inner_pid, record.comm.encode(), command, _read(f"/proc/{pid}/auxv")
                )
                elf_core.write(fd, mappings, threads, memory.read, about=about)
        finally:
            os.close(fd)

    # ---- files ----------------------------------------------------------------------------

    def _writable(self) -> None:
        if self._box.directory < 0:
            return
        path = os.path.join(self._temporary, "writable.tar")
        with tarfile.open(path, "x", format=tarfile.PAX_FORMAT, errorlevel=0) as archive:
            os.chmod(path, 0o600)
            left_bytes, left_entries = MOST_BYTES, TAR_ENTRIES
            for name, parent, state in _walk(self._box.directory):
                left_entries -= 1
                if left_entries < 0 or self._is_late("writable.tar"):
                    self.left_out.append(f"writable.tar: all after {name!r}")
                    return
                data = b""
                if state.st_size and _is_regular(state.st_mode):
                    if min(state.st_size, state.st_blocks * 512 + 4096) > left_bytes:
                        self.left_out.append(f"writable.tar: content of {name!r}")
                    else:
                        data = _content(parent, os.path.basename(name), left_bytes)
                        left_bytes -= len(data)
                _add(archive, name, parent, state, data=data)

    # ---- CRIU -----------------------------------------------------------------------------

    def _criu(self) -> None:
        if self._with_criu:
            from wardian.sandbox import criu

            lines = criu.dump(self._box, os.path.join(self._temporary, "criu"))
            self.left_out += [f"criu: {line}" for line in lines]

    # ---- manifest -------------------------------------------------------------------------

    def _manifest(self) -> None:
        files = {}
        unsynced = 0
        for directory, _names, names in os.walk(self._temporary):
            for name in sorted(names):
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    # A thousand small files take seconds; those at the top are what counts most.
                    if directory == self._temporary or time.monotonic() < self._sync_end_s:
                        os.fsync(file.fileno())
                    else:
                        unsynced += 1
                relative = os.path.relpath(path, self._temporary)
                files[relative] = {"size": os.path.getsize(path), "sha256": digest}
        if unsynced:
            self.left_out.append(f"fsync: of {unsynced} files; the kernel writes them later")
        document = {
            "version": 1,
            "box": self._box.name,
            "plan_hash": self._box.plan.hash,
            "files": files,
            "left_out": self.left_out,
        }
        self._put("manifest.json", json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")


# ---- reading -------------------------------------------------------------------------------


def _read(path: str, most: int = FILE_BYTES) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        chunks: list[bytes] = []
        left = most
        while left > 0 and (chunk := os.read(fd, min(left, 1 << 16))):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return "?"


def _threads(pid: int) -> list[int]:
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def _descriptors(pid: int) -> "Iterator[tuple[str, str]]":
    try:
        names = sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
    except OSError:
        return
    for name in names[:DESCRIPTORS]:
        yield name, _link(f"/proc/{pid}/fd/{name}")


def _registers_of_call(one: "Notification") -> bytes:
    """Return x86-64's `struct user_regs_struct` with what the notification and /proc know."""
    words = _read(f"/proc/{one.tid}/syscall").split()
    stack = int(words[-2], 16) if len(words) >= 3 else 0
    first, second, third, fourth, fifth, sixth = one.arguments
    registers_by_name = {
        "r10": fourth,
        "r9": sixth,
        "r8": fifth,
        "rdx": third,
        "rsi": second,
        "rdi": first,
        "orig_rax": one.number,
        "rip": one.instruction,
        "rsp": stack,
    }
    order = (
        *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx"),
        *("rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base"),
        *("ds", "es", "fs", "gs"),
    )
    if os.uname().machine != "x86_64":
        return b""
    return b"".join(registers_by_name.get(name, 0).to_bytes(8, "little") for name in order)


def _is_regular(mode: int) -> bool:
    return mode & 0o170000 == 0o100000


def _walk(directory: int) -> "Iterator[tuple[str, int, os.stat_result]]":
    """Yield (name, descriptor of its directory, state) of all that is below."""
    todo = [("", os.dup(directory))]
    try:
        while todo:
            prefix, here = todo.pop()
            try:
                for name in sorted(os.listdir(here)):
                    state = os.stat(name, dir_fd=here, follow_symlinks=False)
                    yield prefix + name, here, state
                    if state.st_mode & 0o170000 == 0o040000 and len(todo) < 64:
                        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                        todo.append((f"{prefix}{name}/", os.open(name, flags, dir_fd=here)))
            except OSError:
                continue
            finally:
                os.close(here)
    finally:
        for _prefix, fd in todo:
            os.close(fd)


def _content(parent: int, name: str, most: int) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=parent), "rb") as file:
        return file.read(most)


def _add(
    archive: "tarfile.TarFile", name: str, parent: int, state: os.stat_result, *, data: bytes
) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = state.st_mode & 0o7777, state.st_mtime
    kind = state.st_mode & 0o170000
    if kind == 0o040000:
        entry.type = tarfile.DIRTYPE
    elif kind == 0o120000:
        entry.type, entry.linkname = (
            tarfile.SYMTYPE,
            os.readlink(os.path.basename(name), dir_fd=parent),
        )
    elif kind == 0o010000:
        entry.type = tarfile.FIFOTYPE
    elif kind != 0o100000:
        return
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
