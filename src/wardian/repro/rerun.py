"""Run an analysis with a record of it, and run it again from the record.

The program runs in the canonical environment (conditions.CONTROL) on a checkout of the commit; its
inputs are shown read-only; its outputs are copied to where the user works.

    made = run_recorded(["python3", "fit.py"], inputs=["data.csv"], outputs=["fit.json"])
    again = replay(made, source_directory="/another/clone")
    record.diff(made, again)
"""

import datetime as dt
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wardian import errors
from wardian.repro import inputs as entering
from wardian.repro import packages, record, source, surroundings
from wardian.repro.boxes import Boxes
from wardian.repro.conditions import CONTROL, Conditions
from wardian.repro.outputs import EXIT_CODE, Outputs

SEED = "WARDIAN_SEED"
LOCK = "wardian.lock"
ROOTS = ("image", "rootfs", "platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a run is to be.

    Attributes:
        seed: WARDIAN_SEED, from which repro.rng makes its streams.
        threads: of numeric libraries; cpus: processors that are seen.
        clock: "real"; seconds since 1970 at which it stands, for new files too; or "commit", which
            is a second after it: configure wants new files to be newer than the source.
        env: further variables.
        dirty: changes since the commit are kept as a patch.
        passes_on: what the program says goes to our own standard output and error.
    """

    seed: int = 0
    threads: int = 1
    cpus: int = 1
    clock: str = "real"
    env: Mapping[str, str] = field(default_factory=dict)
    dirty: bool = False
    passes_on: bool = False


def run_recorded(
    command: "Sequence[str]",
    *,
    source_directory: str = ".",
    inputs: "Sequence[str]" = (),
    outputs: "Sequence[str]" = (),
    wish: Wish | None = None,
    **options: object,
) -> "record.Record":
    """Run a command with a record; its outputs are copied to the source's directory.

    Args:
        command: the program and its arguments.
        source_directory: the top of a git working tree, or any directory.
        inputs: files or directories that git does not have: "PATH" below the source is shown there,
            "NAME=PATH" as /inputs/NAME.
        outputs: paths or patterns; none for all that is new.
        wish: seed, threads and the like.
        options: further words of `wardian run`, such as image=.

    Raises:
        StatusError: the working tree is not as in its commit.
        NotFoundError: an input is not there.
    """
    wish = wish or Wish()
    directory = os.path.abspath(source_directory)
    with tempfile.TemporaryDirectory(prefix="wardian-repro-") as scratch:
        taken = source.take(directory, f"{scratch}/source", dirty=wish.dirty)
        named = entering.named(inputs, directory)
        shown = {name: entering.found(path, name) for name, path in named}
        with _Job(command, taken, f"{scratch}/source", options=options, inputs=shown) as job:
            made = job.run(_conditions(wish, taken), outputs, passes_on=wish.passes_on)
            made["seed"] = wish.seed
            job.copy_outputs(directory)
    return made


def _conditions(wish: Wish, taken: "source.Source") -> Conditions:
    env = {SEED: str(wish.seed), **wish.env}
    clock_s = None
    if wish.clock != "real":
        if not surroundings.clock_library():
            raise errors.UnsupportedError("wardian-clock.so is not there", feature="clock")
        if wish.clock != "commit" and not wish.clock.isdecimal():
            raise errors.UsageError(f'clock "{wish.clock}": not real, commit or seconds since 1970')
        clock_s = taken.time_s + 1 if wish.clock == "commit" else int(wish.clock)
    return CONTROL.but(
        env=tuple(env.items()),
        threads=wish.threads,
        cpus=wish.cpus,
        clock_s=clock_s,
        epoch_s=taken.time_s,
    )


def replay(
    old: "record.Record",
    *,
    source_directory: str = ".",
    inputs: "Sequence[str]" = (),
    passes_on: bool = False,
    **options: object,
) -> "record.Record":
    """Run again what a record says; returns the new record, to be compared with `record.diff`.

    Args:
        old: the record.
        source_directory: a clone of the repository, or the directory.
        inputs: "NAME=PATH" for inputs that lie elsewhere here.
        passes_on: what the program says goes to our own standard output and error.
        options: further words of `wardian run`; what chose the root then counts again.

    Raises:
        StatusError: the source or an input is not the recorded one.
        NotFoundError: the commit, an input or the image is not here.
    """
    directory = os.path.abspath(source_directory)
    was, conditions = old["source"], record.conditions_of(old)
    if conditions.cpus > len(os.sched_getaffinity(0)):
        raise errors.UnsupportedError(
            f"the run saw {conditions.cpus} processors, and here are fewer", feature="processors"
        )
    with tempfile.TemporaryDirectory(prefix="wardian-repro-") as scratch:
        tree = f"{scratch}/source"
        if was.get("commit"):
            taken = source.lay_out(directory, tree, was["commit"], was.get("patch", ""))
        else:
            taken = source.take(directory, tree)
        entering.must_be("the source", taken.digest, was["digest"])
        shown = entering.recorded(old["inputs"], inputs, directory)
        words = {**old["environment"].get("options", {}), **options}
        with _Job(old["command"], taken, tree, options=words, inputs=shown) as job:
            made = job.run(conditions, old["output_patterns"], passes_on=passes_on)
            made["seed"] = old.get("seed")
    return made


class _Job:
    """One run: the boxes, and the record that is made of it."""

    def __init__(
        self,
        command: "Sequence[str]",
        taken: "source.Source",
        tree: str,
        *,
        options: "Mapping[str, object]",
        inputs: "Mapping[str, str]",
    ) -> None:
        self._command, self._taken, self._tree = list(command), taken, tree
        self._options, self._inputs = dict(options), inputs
        self._made: Outputs = {}
        self._boxes: Boxes | None = None

    def __enter__(self) -> "_Job":
        return self

    def __exit__(self, *_: object) -> None:
        if self._boxes is not None:
            self._boxes.__exit__()

    def run(
        self, conditions: Conditions, outputs: "Sequence[str]", *, passes_on: bool
    ) -> "record.Record":
        """Run; returns the record."""
        mounts = []
        for name, path in self._inputs.items():
            place = entering.INPUTS_AT if entering.is_named(name) else conditions.build_path
            mounts.append(f"type=bind,src={path},dst={place}/{name.removeprefix('=')},ro")
        given = self._options.get("mount", [])
        options = {**self._options, "mount": [*given, *mounts]}  # type: ignore[misc]
        digests = {name: entering.digest_of(path) for name, path in self._inputs.items()}
        self._boxes = Boxes(
            command=self._command,
            source=self._tree,
            outputs=list(outputs),
            options=options,
            passes_on=passes_on,
            symbols={path: f"$input/{name}" for name, path in self._inputs.items()},
        )
        self._boxes.__enter__()
        started = _now()
        self._made = self._boxes(conditions)
        return {
            "id": str(uuid.uuid4()),
            "command": self._command,
            "source": _source_document(self._taken),
            "output_patterns": list(outputs),
            "conditions": record.conditions_document(conditions),
            "inputs": digests,
            "outputs": {
                path: {"kind": one.kind, "digest": one.digest, "size": one.size}
                for path, one in sorted(self._made.items())
                if path != EXIT_CODE
            },
            "exit_code": int(self._made[EXIT_CODE].digest),
            "environment": self._environment(),
            "machine": record.machine(),
            "started": started,
            "ended": _now(),
        }

    def _environment(self) -> "record.Record":
        assert self._boxes is not None
        chosen = {name: self._options[name] for name in ROOTS if self._options.get(name)}
        image, rootfs = chosen.get("image"), chosen.get("rootfs")
        found = packages.of_box(chosen) if chosen else packages.of_host()
        digest = ""
        if image:
            from wardian.engine.image import Image

            digest = Image.find(str(image), platform=str(chosen.get("platform", ""))).digest
        elif rootfs:
            digest = f"sha256:{source.digest(str(rootfs))}"
        return {
            "kind": "image" if image else "root" if rootfs else "host",
            "name": str(image or rootfs or ""),
            "digest": digest,
            "os": "" if chosen else _os_name(),
            "plan": self._boxes.plan_hash,
            "lock": _lock(self._tree),
            "options": {name: value for name, value in self._options.items() if value},
            "packages": [[one.kind, one.name, one.version, one.architecture] for one in found],
        }

    def copy_outputs(self, directory: str) -> None:
        """Put the outputs where the user works; a file is replaced by a rename."""
        for path, one in self._made.items():
            if one.kind != "file" or path.startswith("("):
                continue
            target = os.path.join(directory, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(one.place, f"{target}.wardian-new")
            os.chmod(f"{target}.wardian-new", 0o755 if one.mode & 0o100 else 0o644)
            os.replace(f"{target}.wardian-new", target)


# ---- parts of a record --------------------------------------------------------------------


def _source_document(taken: "source.Source") -> "record.Record":
    return {
        "commit": taken.commit,
        "repository": taken.repository,
        "patch": taken.patch,
        "digest": taken.digest,
    }


def _lock(tree: str) -> str:
    path = f"{tree}/{LOCK}"
    return str(entering.digest_of(path)["digest"]) if os.path.exists(path) else ""


def _os_name() -> str:
    import platform

    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
