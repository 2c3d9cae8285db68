"""Run a command on a copy of its source, in a box with given conditions, and take its outputs.

Each run has a copy of its own, shown at the build path; the copy goes when the run is over. What
the command writes elsewhere is thrown away with the box.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wardian import errors
from wardian.engine.container import DEVNULL, Container
from wardian.engine.directories import cache
from wardian.kernel import paths
from wardian.repro import staging, surroundings
from wardian.repro.conditions import Conditions
from wardian.repro.outputs import EXIT_CODE, STDOUT, Entry, Outputs

if TYPE_CHECKING:
    from wardian.runtime.plan import Plan

KERNEL_FILE = "Linux version 2.6.78-varied (wardian@varied) (gcc 1.0) #1 Thu Jan 1 1970\n"
STDERR_BYTES = 4096
# Where the base is another user's nothing can be put into its directories, only beside them.
CLOCK_AT = "/wardian/clock.so"
LOCALES_AT = "/wardian/locale"
CLOCK = "WARDIAN_CLOCK"
# What a box shows of its conditions, as far as its programs can tell; for `effects`.
PROBE = """
echo "environment $WARDIAN_VARIED_ENVIRONMENT"; echo "build_path $PWD"; echo "kernel $(uname -r)"
echo "cpus $(grep Cpus_allowed_list /proc/self/status)"; echo "time $(date +%s)"
echo "user $(id -u)"
echo "file_order $(ls -U . | tr '\\n' ' ')"; echo "host_name $(uname -n)"; echo "home $HOME"
echo "locale $(locale decimal_point)"; echo "exec_path $PATH"; echo "time_zone $(date +%z)"
echo "umask $(umask)"; read up rest < /proc/uptime; echo "uptime ${up%%.*}"
read id < /etc/machine-id; echo "machine_id $id"
echo "aslr $(while read map; do case $map in *stack*) echo "$map";; esac; done < /proc/self/maps)"
"""
SLACK_S = 3600  # by which clocks differ at least, when they are varied


@dataclass(kw_only=True)
class Boxes:
    """Boxes for one command; use it in a `with` statement.

    Args:
        command: what is run.
        source: a directory, copied for each run.
        outputs: paths below it, or patterns; "-" is the standard output. None for all that is new
            or changed, and the standard output where that is nothing.
        options: further words of `wardian run`, such as image=.
        place: where copies are laid out; None for the best there is.
        passes_on: what the command says goes to our own standard output and error; what it prints
            goes there at the end, where that is an output.
        symbols: what stands in the plan's hash for paths of this machine.

    Attributes:
        plan_hash: of the last run, with symbols for what lies elsewhere on each machine.
        stderr: the end of what the last run wrote there.
    """

    command: Sequence[str]
    source: str
    outputs: Sequence[str] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    place: str | None = None
    passes_on: bool = False
    symbols: Mapping[str, str] = field(default_factory=dict)
    plan_hash: str = ""
    stderr: bytes = b""
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = os.path.abspath(self.source)
        if not os.path.isdir(self.source):
            raise errors.NotFoundError(f'source "{self.source}": no such directory')
        for pattern in self.outputs:
            if os.path.isabs(pattern) or os.path.normpath(pattern).startswith(".."):
                raise errors.UsageError(
                    f'output "{pattern}": not below the source',
                    hint="have the command copy it there",
                )
        self._runs = 0
        self._open = False
        self._prints: bool | None = None

    def __enter__(self) -> "Boxes":
        place = self.place or next(iter(surroundings.places()), cache())
        mine = f"{os.path.realpath(place)}/wardian-repro-{os.getuid()}"
        if os.path.commonpath((mine, os.path.realpath(self.source))) == os.path.realpath(
            self.source
        ):
            raise errors.UsageError(
                f'source "{self.source}" holds "{place}", where copies of it are made',
                hint="--workspace DIR names another place",
            )
        self._mine = mine
        self._stage, self._lock_fd = own_place(mine)
        self._store = tempfile.mkdtemp(prefix="wardian-repro-")
        self._order = staging.order_of(self._stage)
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        leave_place(self._mine, self._stage, self._lock_fd)
        paths.remove_tree(self._store)

    @property
    def stage_place(self) -> str:
        """The directory of the copies."""
        return self._stage

    def __call__(self, now: Conditions) -> Outputs:
        """Run the command once under these conditions; returns what it made."""
        self._runs += 1
        name = f"{self._stage}/{self._runs}"
        store = f"{self._store}/{self._runs}"
        os.mkdir(store)
        before = self._lay_out(name, self.source, now)
        with open(f"{store}/stdout", "xb") as out, tempfile.TemporaryFile() as err:
            streams: Streams = (None, None) if self.passes_on else (out.fileno(), err.fileno())
            if self.passes_on and ("-" in self.outputs or not self.outputs):
                streams = (out.fileno(), None)
            code = self._run(self.command, words_of(now, name), streams, name)
            err.seek(0, os.SEEK_END)
            err.seek(max(0, err.tell() - STDERR_BYTES))
            self.stderr = err.read()
        if self.passes_on and streams[0] is not None:
            _show(f"{store}/stdout")
        found = self._collected(f"{name}/source", store, before)
        staging.call("remove", path=name)
        if self._prints is None:  # the first run decides
            self._refuse_nothing(found, code)
            self._prints = "-" in self.outputs or not (found or self.outputs)
        if self._prints:
            found[STDOUT] = staging.entry(store, "stdout")
        found[EXIT_CODE] = Entry(kind="other", digest=str(code))
        return found

    def _refuse_nothing(self, found: Outputs, code: int) -> None:
        """Refuse an output that is none: what is not there is the same in all worlds."""
        for pattern in self.outputs if code == 0 else ():
            if pattern != "-" and not any(staging.matches(path, pattern) for path in found):
                raise errors.NotFoundError(
                    f'output "{pattern}": the command makes no such file',
                    hint="paths are those below the source, as the command sees it",
                )

    def _collected(
        self, tree: str, store: str, before: "dict[str, list[int]]"
    ) -> "dict[str, Entry]":
        patterns = [one for one in self.outputs if one != "-"]
        if self.outputs and not patterns:
            return {}
        words = {"tree": tree, "store": store, "patterns": patterns, "before": before}
        rows = staging.call("collect", **words).items()
        return {path: staging.entry_of(row) for path, row in rows}

    def effects(self, control: Conditions, varied: Conditions) -> "dict[str, str]":
        """Return the variations that nothing shows of in a box, each with the reason.

        A probe runs in both worlds and tells what it sees; what its programs can't tell counts as
        varied.
        """
        seen = [self._look(now) for now in (control, varied)]
        without = {}
        for name in varied.varied:
            one, other = (facts.get(name, "") for facts in seen)
            if name == "time" and one.isdecimal() and other.isdecimal():
                is_same = abs(int(one) - int(other)) < SLACK_S
            else:
                is_same = bool(one) and one == other
            if is_same and one:
                without[name] = f'no effect in this box: a program sees "{one.strip()}" both times'
        return without

    def _look(self, now: Conditions) -> "dict[str, str]":
        self._runs += 1
        name, small = f"{self._stage}/{self._runs}", f"{self._store}/{self._runs}-probe"
        os.mkdir(small)
        for file in ("a", "b", "c"):
            with open(f"{small}/{file}", "xb"):
                pass
        self._lay_out(name, small, now)
        with tempfile.TemporaryFile() as out:
            try:
                streams = (out.fileno(), DEVNULL)
                self._run(["sh", "-c", PROBE], words_of(now, name), streams, name)
            except errors.LaunchError:
                pass  # a box without a shell tells nothing
            out.seek(0)
            lines = out.read().decode("utf-8", "replace").splitlines()
        staging.call("remove", path=name)
        return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}

    def _lay_out(self, name: str, source: str, now: Conditions) -> "dict[str, list[int]]":
        """Make the directory of a run; returns the state of the source's copy."""
        assert self._open, "with Boxes(...) as boxes"
        os.mkdir(name, 0o755)
        os.mkdir(f"{name}/empty")
        for tree, copied in (("source", source), ("home", f"{name}/empty")):
            words = {"source": copied, "target": f"{name}/{tree}", "order": now.file_order}
            who = {"uid": now.uid, "gid": now.gid}
            staging.call("stage", **words, **who, listing_order=self._order)
        write_files(now, name)
        return staging.states(f"{name}/source")

    def _run(self, command: Sequence[str], words: "Words", streams: "Streams", name: str) -> int:
        mounts = [*_many(self.options.get("mount")), *_many(words["mount"])]
        with Container(command, **{**self.options, **words, "mount": mounts}) as container:
            container.start(stdin=DEVNULL, stdout=streams[0], stderr=streams[1])
            result = container.wait()
            self.plan_hash = self._identity(container.plan, name)
        self.warnings = container.warnings
        return result.exit_code

    def _identity(self, plan: "Plan", name: str) -> str:
        """Return the plan's hash, with symbols for the paths that are this run's or machine's."""
        text = "\n".join(f"{step.name}{step.args!r}" for step in plan.steps)
        text = re.sub(f"'{CLOCK}_SINCE=[0-9]+'", "$since", text)
        places = {name: "$run", os.path.dirname(surroundings.clock_library()): "$wardian"}
        places.update(self.symbols)
        for path in sorted(filter(None, places), key=len, reverse=True):
            text = text.replace(path, places[path])
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


Streams = tuple[int | None, int | None]
Words = dict[str, object]


def words_of(now: Conditions, name: str) -> Words:
    """Return the words of `wardian run` for these conditions, and for a copy of the source.

    Args:
        now: the conditions.
        name: the directory of the run: source, home, machine-id and version are in it.
    """
    words = world_words(now, name)
    mounts = [
        *_bind(f"{name}/source", now.build_path, read_only=False),
        *_bind(f"{name}/home", now.home, read_only=False),
    ]
    words["mount"] = [*mounts, *_many(words["mount"])]
    words["workdir"] = now.build_path
    if (now.uid, now.gid) != (0, 0):
        words["user"] = f"{now.uid}:{now.gid}"
    return words


def world_words(now: Conditions, name: str) -> Words:
    """Return the words of `wardian run` for what does not concern the source and the user.

    Args:
        now: the conditions.
        name: a directory with files for the box (`write_files`).
    """
    mounts = _bind(f"{name}/machine-id", "/etc/machine-id")
    env = {**standing_clock(now.clock_s, mounts), **now.environment()}
    words: Words = {
        "env": env,
        "mount": mounts,
        "hostname": now.host_name,
        "umask": f"{now.umask:03o}",
        "personality": _personality(now),
    }
    if now.locale_directory:
        env["LOCPATH"] = LOCALES_AT
        compiled = os.path.basename(now.locale_directory)
        mounts += _bind(now.locale_directory, f"{LOCALES_AT}/{compiled}")
    if now.kernel != "own":
        mounts += _bind(f"{name}/version", "/proc/version")
    if now.domain_name:
        words["domainname"] = now.domain_name
    if now.cpus:
        words["affinity"] = ",".join(map(str, sorted(os.sched_getaffinity(0))[: now.cpus]))
    if now.uptime_s:
        words["time_offset"] = [f"boottime={now.uptime_s}", f"monotonic={now.uptime_s}"]
    return words


def write_files(now: Conditions, name: str) -> None:
    """Write the files that `world_words` shows to a box."""
    for file, text in (("machine-id", f"{now.machine_id}\n"), ("version", KERNEL_FILE)):
        with open(f"{name}/{file}", "x", encoding="utf-8") as made:
            made.write(text)
        os.chmod(f"{name}/{file}", 0o644)


def standing_clock(clock_s: "int | None", mounts: "list[str]") -> "dict[str, str]":
    """Return the variables of a clock that stands still; the library is shown where it is here.

    Args:
        clock_s: where it stands; None for the real one.
        mounts: what is shown to the box; the library is added.
    """
    library = surroundings.clock_library() if clock_s is not None else ""
    if not library:
        return {}
    mounts += _bind(library, CLOCK_AT)
    since_ns = surroundings.kernel_time_ns()
    return {"LD_PRELOAD": CLOCK_AT, CLOCK: str(clock_s), f"{CLOCK}_SINCE": str(since_ns)}


def _personality(now: Conditions) -> "list[str]":
    words = ["no-aslr"] if now.has_fixed_addresses else []
    if now.kernel != "own":
        words.append("uname26")
    return words or ["linux"]


def _show(path: str) -> None:
    """Write a file to standard output."""
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            data = memoryview(chunk)
            while data:
                data = data[os.write(1, data) :]


def _bind(source: str, target: str, *, read_only: bool = True) -> "list[str]":
    if not source:
        return []
    return [f"type=bind,src={source},dst={target}" + (",ro" if read_only else "")]


def _many(given: object) -> "list[str]":
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)  # type: ignore[call-overload]


def own_place(mine: str) -> "tuple[str, int]":
    """Make a directory that is locked for as long as it is used; what dead ones left goes."""
    while True:
        os.makedirs(mine, 0o700, exist_ok=True)
        try:
            if os.stat(mine).st_uid != os.geteuid():
                raise errors.HostError(f'"{mine}" belongs to somebody else', hint="--workspace DIR")
            _sweep(mine)
            return paths.make_locked(mine, "run-")
        except FileNotFoundError:
            pass  # another check has just removed it


def leave_place(mine: str, stage: str, lock_fd: int) -> None:
    """Remove what `own_place` made, and what is in it."""
    staging.call("remove", path=stage)
    os.close(lock_fd)
    try:
        os.rmdir(mine)
    except OSError:
        pass  # another check is at work there


def _sweep(place: str) -> None:
    """Remove what killed runs have left."""
    for name in os.listdir(place):
        lock_fd = paths.lock_left(f"{place}/{name}")
        if lock_fd < 0:
            continue
        try:
            staging.call("remove", path=f"{place}/{name}")
        finally:
            os.close(lock_fd)
