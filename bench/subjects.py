"""What is measured: the floor, wardian in process and as a command, and the peers.

A subject takes some samples when asked; the rounds of bench/run.py ask all of them in turn, so that
a busy moment of the machine hits them all. A subject that can't be measured says why, once.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"
TRUE = ["/bin/true"]
BALLAST_BYTES = 2 << 30
BALLAST_THREADS = 50
LIMITS = {"memory": "256m", "cpus": "1.5", "pids_limit": 64}


class MissingError(Exception):
    """A subject can't be measured here; the text says why."""


class Worker:
    """A bench/worker.py process."""

    def __init__(self, prefix: list[str] | None = None, env: dict[str, str] | None = None) -> None:
        path = f"{SOURCE}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")
        self._process = subprocess.Popen(
            [*(prefix or []), sys.executable, str(HERE / "worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, **(env or {})},
        )

    def ask(self, do: str, **request: object) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises:
            MissingError: what was asked for can't be done here.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise MissingError("the worker died")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise MissingError(answer["error"])
        return answer

    def close(self) -> None:
        """End the worker."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()


class Subject:
    """One row of the result.

    Attributes:
        key: a short name for programs.
        title: what a reader sees.
        share: samples in each round, relative to the others; slow subjects take fewer.
        samples: milliseconds so far.
        missing: why there are none.
    """

    def __init__(
        self, key: str, title: str, share: int, sample: Callable[[int], list[float]] | str
    ) -> None:
        self.key = key
        self.title = title
        self.share = share
        self.samples: list[float] = []
        self.missing = sample if isinstance(sample, str) else ""
        self._sample = None if isinstance(sample, str) else sample

    def take(self, runs: int) -> None:
        """Take samples after one that does not count, unless that failed before."""
        if self._sample is None or self.missing:
            return
        try:
            self.samples += self._sample(runs + 1)[1:]
        except MissingError as why:
            self.missing = str(why).partition("\n")[0].replace("|", "/")[:160]
            self.samples = []

    def warm_up(self) -> None:
        """Take samples that do not count."""
        self.take(1)
        self.samples = []


class Bench:
    """The files and workers of one run of the bench."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = directory / "root"
        self.scratch = directory / "scratch"
        self.floor = directory / "floor"
        self._workers: list[Worker] = []

    def build(self) -> None:
        """Compile the floor and the root file system's one program."""
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "run", "var/tmp"):
            (self.root / name).mkdir(parents=True)
        (self.root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/true\n")
        (self.root / "etc/group").write_text("root:x:0:\n")
        self.scratch.mkdir()
        compiler = os.environ.get("CC", "cc")
        for source, target, flags in (
            ("floor.c", self.floor, []),
            ("idle.c", self.root / "bin/true", ["-static"]),
        ):
            subprocess.run(
                [compiler, "-O2", "-Wall", *flags, "-o", str(target), str(HERE / source)],
                check=True,
            )

    def image_worker(self) -> Worker:
        """Start a worker whose store has the root as an image, "bench:1"."""
        store = {"WARDIAN_ROOT": str(self.directory / "store")}
        argv = [*wardian_command(), "import", str(self.root), "bench:1"]
        env = {**os.environ, "PYTHONPATH": str(SOURCE), **store}
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=env)
        return self.worker(env=store)

    def worker(self, prefix: list[str] | None = None, env: dict[str, str] | None = None) -> Worker:
        """Start a worker, which ends with the bench."""
        worker = Worker(prefix, env)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.close()


@contextlib.contextmanager
def prepared() -> Iterator[Bench]:
    """Make the files of a bench, and remove them at the end."""
    with tempfile.TemporaryDirectory(prefix="wardian-bench-") as directory:
        bench = Bench(Path(directory))
        bench.build()
        try:
            yield bench
        finally:
            bench.close()


def floor(bench: Bench, network: str) -> Callable[[int], list[float]]:
    """Return the sampler of the C program."""

    def sample(runs: int) -> list[float]:
        done = subprocess.run(
            [str(bench.floor), str(bench.root), str(bench.scratch), str(runs), network],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise MissingError(done.stderr.strip() or f"floor ended with {done.returncode}")
        samples: list[float] = json.loads(done.stdout)["samples_ms"]
        return samples

    return sample


def in_process(worker: Worker, bench: Bench, **options: object) -> Callable[[int], list[float]]:
    """Return the sampler of `wardian.run` in a worker."""
    settings = options if "image" in options else {"rootfs": str(bench.root), **options}

    def sample(runs: int) -> list[float]:
        samples: list[float] = worker.ask("box", options=settings, command=TRUE, runs=runs)[
            "samples_ms"
        ]
        return samples

    return sample


def command(
    worker: Worker, argv: list[str], env: dict[str, str] | None = None
) -> Callable[[int], list[float]]:
    """Return the sampler of a command line."""

    def sample(runs: int) -> list[float]:
        samples: list[float] = worker.ask("spawn", argv=argv, runs=runs, env=env or {})[
            "samples_ms"
        ]
        return samples

    return sample


def wardian_command() -> list[str]:
    """Return the words before `run`: the installed command, else the module."""
    installed = Path(sys.executable).parent / "wardian"
    if installed.exists():
        return [str(installed)]
    found = shutil.which("wardian")
    return [found] if found else [sys.executable, "-m", "wardian"]


def own_subjects(bench: Bench) -> list[Subject]:
    """Return the floor and wardian."""
    small = bench.worker()
    run = [*wardian_command(), "run"]
    rooted = ["--rootfs", str(bench.root)]
    path = {"PYTHONPATH": str(SOURCE)}
    shell = bench.worker()
    stored = bench.image_worker()
    return [
        Subject("floor", "floor (C, with network namespace)", 16, floor(bench, "net")),
        Subject("floor_nonet", "floor (C, without network namespace)", 16, floor(bench, "nonet")),
        Subject("box", "wardian.run, full box", 16, in_process(small, bench)),
        Subject("box_noinit", "wardian.run, no init", 16, in_process(small, bench, init=False)),
        Subject(
            "box_hostnet", "wardian.run, host network", 16, in_process(small, bench, network="host")
        ),
        Subject(
            "box_limits",
            "wardian.run, memory + cpu + pids limits",
            16,
            in_process(small, bench, **LIMITS),
        ),
        Subject(
            "box_image", "wardian.run, an image", 16, in_process(stored, bench, image="bench:1")
        ),
        Subject("box_big", "wardian.run in a big process", 16, big(bench)),
        Subject(
            "command",
            "wardian run (command)",
            5,
            command(shell, [*run, *rooted, "--", *TRUE], path),
        ),
        Subject(
            "command_image",
            "wardian run IMAGE (command)",
            5,
            command(stored, [*run, "bench:1", *TRUE], path),
        ),
        Subject(
            "command_limits",
            "wardian run (command), with limits",
            5,
            command(
                shell,
                [*run, *rooted, "--memory=256m", "--cpus=1.5", "--pids-limit=64", "--", *TRUE],
                path,
            ),
        ),
        Subject(
            "python",
            "python -I -S -c pass (the interpreter alone)",
            5,
            command(shell, [sys.executable, "-I", "-S", "-c", "pass"]),
        ),
    ]


def oci_command() -> str:
    """Return the OCI runtime: the installed one, else that of the checkout."""
    installed = Path(sys.executable).parent / "wardian-oci"
    return str(installed if installed.exists() else HERE.parent / "bin" / "wardian-oci")


def life_of(words: list[str], bundle: str) -> Callable[[int], list[float]]:
    """Return the sampler of create, start and delete as an engine calls them."""
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}

    def sample(runs: int) -> list[float]:
        found = []
        for number in range(runs):
            name = f"wardian-bench-{number}"
            begin = time.perf_counter()
            for step in (["create", "--bundle", bundle, name], ["start", name]):
                done = subprocess.run([*words, *step], **quiet, check=False)
                if done.returncode != 0:
                    raise MissingError(f"{step[0]} ended with {done.returncode}")
            taken = time.perf_counter() - begin
            time.sleep(0.02)  # until the program, which returns at once, has ended
            begin = time.perf_counter()
            subprocess.run([*words, "delete", "--force", name], **quiet, check=True)
            found.append((taken + time.perf_counter() - begin) * 1000)
        return found

    return sample


def big(bench: Bench) -> Callable[[int], list[float]] | str:
    """Return the sampler of `wardian.run` in a process with much memory and many threads."""
    available = 0
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) << 10
    if available < BALLAST_BYTES * 3 // 2:
        return f"{available >> 20} MiB of memory are too few for a process of 2 GiB"
    worker = bench.worker()
    try:
        worker.ask("ballast", bytes=BALLAST_BYTES, threads=BALLAST_THREADS)
    except MissingError as why:
        return str(why)
    return in_process(worker, bench)
