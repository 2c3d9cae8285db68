"""Run a program as on other processors, and compare: it shows whether a CPU profile holds.

A profile (runtime/cpu_profiles) tells libraries what to use; whether they all listen is to be seen.
Here the program runs once on this processor and once on each emulated one that has less, by QEMU's
user emulation inside of its box, and every output is compared bit for bit.

Facts about emulated processors
-------------------------------
qemu-x86_64 -cpu MODEL runs one program and what it forks; the kernel starts what it executes
(execve) on the real processor again. An emulated floating-point unit is exact: for the same
instructions it gives the same bits. A program that asks for instructions which the model lacks ends
by SIGILL; QEMU 7.2 crashes in some of them. It takes ten to fifty times as long.

Source: QEMU, "User Mode Emulation"; docs/guides/random.md has what was compared.
"""

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from wardian import errors
from wardian.kernel import binfmt, processor
from wardian.runtime import cpu_profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wardian.engine.result import Result

MODELS = ("Nehalem", "Haswell")
LEVELS = {"Nehalem": "v2", "Haswell": "v3"}
STDOUT = "standard output"
_PLACE = "/.wardian-qemu"
_PLATFORM = "linux/amd64"
# Finds a program as execvp(3) does, and the interpreter of a script: QEMU takes an ELF file only.
_FINDER = r"""
qemu=$1 model=$2 name=$3; shift 3
path=$(command -v "$name") || { echo "$name: not found" >&2; exit 127; }
for _ in 1 2 3 4; do
    IFS= read -r line < "$path" 2>/dev/null || line=
    case $line in '#!'*) ;; *) break ;; esac
    set -f; set -- ${line#'#!'} "$path" "$@"; set +f
    case $1 in */env) shift; path=$(command -v "$1") || exit 127 ;; *) path=$1 ;; esac
    shift
done
exec "$qemu" -cpu "$model" -0 "$name" "$path" "$@"
"""
# Asks the libraries themselves; what is not there is left out.
_VERSIONS = r"""
import ctypes, glob, os, sys
def tell(name, version): print(name, version)
tell("python", sys.version.split()[0])
try: tell("glibc", os.confstr("CS_GNU_LIBC_VERSION").split()[1])
except (ValueError, AttributeError, IndexError, TypeError): pass
for name in ("numpy", "scipy", "pandas", "torch", "numba"):
    try: tell(name, __import__("importlib.metadata").metadata.version(name))
    except Exception: pass
try: import numpy
except ImportError: pass
try: import scipy.linalg
except ImportError: pass
paths = sorted({line.split()[-1] for line in open("/proc/self/maps") if "blas" in line})
for path in paths:
    library = ctypes.CDLL(path)
    for name in ("openblas_get_config", "openblas_get_config64_", "scipy_openblas_get_config",
                 "scipy_openblas_get_config64_"):
        try: function = getattr(library, name)
        except AttributeError: continue
        function.restype = ctypes.c_char_p
        words = function().decode().split()
        tell("openblas", words[1] if words[0] == "OpenBLAS" else words[0]); break
"""


def describe() -> "dict[str, object]":
    """Return what a record says of this processor: model, level, number, flags."""
    flags = processor.flags()
    return {
        "machine": os.uname().machine,
        "model": processor.model(),
        "level": cpu_profiles.level_of(flags),
        "cpus": len(os.sched_getaffinity(0)),
        "flags": sorted(flags),
    }


def libraries(python: str = "python3", **options: "Any") -> "dict[str, str]":
    """Return the versions of what computes in a box: glibc, NumPy, OpenBLAS ...

    Args:
        python: the box's interpreter.
        options: of the box, as of wardian.run.

    Returns:
        {} where the box has no such interpreter.
    """
    from wardian.engine import api

    try:
        done = api.run([python, "-c", _VERSIONS], **options)
    except errors.LaunchError:
        return {}
    rows = (line.split() for line in done.stdout.decode(errors="replace").splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


# ---- run on another processor -------------------------------------------------------------


def emulated(
    command: "Sequence[str]", model: str, options: "Mapping[str, Any]"
) -> "tuple[list[str], dict[str, Any]]":
    """Return command and options that run a command's program on another x86-64 processor.

    Args:
        command: a name is looked for in the box by its shell; an absolute path needs none, and must
            be no script.
        model: as QEMU calls it: Nehalem, Haswell ...
        options: of the box, as of wardian.run.

    Raises:
        UnsupportedError: QEMU is not installed, or this machine is no x86-64.
        UsageError: the command is empty, or the model is none.
    """
    if not command:
        raise errors.UsageError("no command to run on another processor")
    if not re.fullmatch(r"[A-Za-z0-9_.+,=-]+", model):
        raise errors.UsageError(f'processor "{model[:80]}": not a name of QEMU\'s')
    if os.uname().machine != "x86_64":
        raise errors.UnsupportedError(
            "other processors are emulated for x86-64 only", feature="cpu profile"
        )
    qemu = binfmt.find_interpreter(_PLATFORM)
    name, *rest = command
    volumes = options.get("volume") or ()
    known = [volumes] if isinstance(volumes, str) else list(volumes)
    changed = {**options, "volume": [*known, f"{os.path.realpath(qemu)}:{_PLACE}:ro"]}
    if name.startswith("/"):
        return [_PLACE, "-cpu", model, name, *rest], changed
    return ["/bin/sh", "-c", _FINDER, "sh", _PLACE, model, name, *rest], changed


class Run(NamedTuple):
    """What one run gave.

    Attributes:
        model: the emulated processor, or "" for this machine's.
        exit_code: of the program.
        outputs: digests by name: STDOUT, and the files by their paths.
        message: the end of what it wrote to standard error.
    """

    model: str
    exit_code: int
    outputs: "dict[str, str]"
    message: str


class Report(NamedTuple):
    """How the runs compare.

    Attributes:
        runs: the first is that on this machine's processor.
        libraries: versions of what computed.
        profile: of the runs, or "".
    """

    runs: "tuple[Run, ...]"
    libraries: "dict[str, str]"
    profile: str

    @property
    def is_equal(self) -> bool:
        """Every run ended alike and gave the same bytes."""
        return not any(self.differences(run) for run in self.runs[1:])

    def differences(self, run: Run) -> "list[str]":
        """Return the names of what differs from the first run, or how it ended otherwise."""
        first = self.runs[0]
        if run.exit_code != first.exit_code:
            return [f"exit code {run.exit_code}, not {first.exit_code}"]
        names = sorted({*first.outputs, *run.outputs})
        return [name for name in names if first.outputs.get(name) != run.outputs.get(name)]

    def document(self) -> "dict[str, object]":
        """Return it for JSON."""
        return {
            "equal": self.is_equal,
            "checked": True,
            "guaranteed": False,
            "profile": self.profile,
            "libraries": self.libraries,
            "processor": describe(),
            "runs": [
                {
                    "model": run.model or "this machine",
                    "exit_code": run.exit_code,
                    "outputs": run.outputs,
                    "differs": self.differences(run) if at else [],
                    "message": run.message,
                }
                for at, run in enumerate(self.runs)
            ],
        }

    def lines(self) -> "list[str]":
        """Return it for people."""
        found = []
        for run in self.runs[1:]:
            differs = self.differences(run)
            what = f"differs: {', '.join(differs)}" if differs else "the same bits"
            found.append(f"{run.model}: {what}")
        return found


def models_for(profile: str) -> "tuple[str, ...]":
    """Return the models that can run a profile: Nehalem has no AVX2 for v3."""
    return ("Haswell",) if profile == "v3" else MODELS


def check(
    command: "Sequence[str]",
    *,
    outputs: "Sequence[str]" = (),
    models: "Sequence[str]" = (),
    progress: "Callable[[str, int], None] | None" = None,
    **options: "Any",
) -> Report:
    """Run a command on this processor and on emulated ones, and compare what comes out.

    Args:
        command: the program and its arguments; () for that of an image.
        outputs: directories of the box, each empty at first, whose files are compared too.
        models: QEMU's names; without them, those that can run the profile.
        progress: called with what is run and how many runs there were before.
        options: of the box, as of wardian.run; cpu_profile=... is what is to be checked.

    Raises:
        UnsupportedError: QEMU is not installed, or this machine is no x86-64.
        LaunchError: the program can't be started on this machine.
    """
    words = list(command) or _command_of(str(options.get("image") or ""))
    profile = str(options.get("cpu_profile") or "")
    wanted = tuple(models) or models_for(profile)
    runs: list[Run] = []
    for model in ("", *wanted):
        if progress is not None:
            progress(f"as {model}, by QEMU" if model else "this processor", len(runs))
        runs.append(_run(words, model, outputs, options))
    shared = {
        name: value for name, value in options.items() if name not in ("timeout", "entrypoint")
    }
    return Report(tuple(runs), libraries(_python_of(words), **shared), profile)


def _python_of(command: "list[str]") -> str:
    """Return the interpreter to ask for versions: the command's own, where it is one."""
    return command[0] if re.search(r"(^|/)python[0-9.]*$", command[0]) else "python3"


def _command_of(image: str) -> "list[str]":
    from wardian.engine.image import Image

    if not image:
        raise errors.UsageError("no command to run on another processor")
    config = Image.find(image).config
    return [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]


def _run(
    command: "list[str]", model: str, outputs: "Sequence[str]", options: "Mapping[str, Any]"
) -> Run:
    import tempfile

    from wardian.engine import api

    with tempfile.TemporaryDirectory(prefix="wardian-cpu-") as folder:
        words, changed = emulated(command, model, options) if model else (command, dict(options))
        volumes = changed.get("volume") or ()
        mounts = [volumes] if isinstance(volumes, str) else list(volumes)
        for number, path in enumerate(outputs):
            os.mkdir(f"{folder}/{number}")
            os.chmod(f"{folder}/{number}", 0o777)  # noqa: S103 - whoever the box's user is
            mounts.append(f"{folder}/{number}:{path}")
        if changed.get("image"):  # the command is whole
            changed["entrypoint"] = ""
        changed["volume"] = mounts
        done: Result = api.run(words, **changed)
        found = {STDOUT: hashlib.sha256(done.stdout).hexdigest()}
        for number, path in enumerate(outputs):
            found.update(_digests(f"{folder}/{number}", path.rstrip("/")))
    message = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][-200:]
    return Run(model, done.exit_code, found, message)


def _digests(folder: str, shown: str) -> "dict[str, str]":
    found = {}
    for top, _folders, names in os.walk(folder):
        for name in names:
            path = f"{top}/{name}"
            if os.path.islink(path):
                data = os.fsencode(os.readlink(path))
            else:
                with open(path, "rb") as file:
                    data = file.read()
            found[shown + path[len(folder) :]] = hashlib.sha256(data).hexdigest()
    return found
