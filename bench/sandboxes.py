"""What is measured of sandboxes: cold, from a pool, as forks of a warm interpreter; violations.

Between two pooled runs there is a pause in which the pool makes its next box, as a judge's next
submission comes when it comes; how many runs there are in a second without pauses is a row of its
own. Beside them is what a program costs without any box, in a Python process that has loaded
nothing: fork(2) copies less of that than of another, and posix_spawn(3) copies nothing.
"""

import statistics
from collections.abc import Callable
from typing import Any

from subjects import TRUE, Bench, MissingError, Subject, Worker, command

MODULES = ["numpy", "pandas"]
WARM_CODE = "import numpy, pandas; print(pandas.DataFrame(numpy.eye(3)).sum().sum())"
POOLED_RUNS = 2000
POOL_THREADS = 4
VIOLATIONS = 60


def _plain(worker: Worker, how: str, argv: list[str]) -> Callable[[int], list[float]]:
    def sample(runs: int) -> list[float]:
        samples: list[float] = worker.ask("plain", how=how, argv=argv, runs=runs)["samples_ms"]
        return samples

    return sample


def _in_process(worker: Worker, **request: object) -> Callable[[int], list[float]]:
    def sample(runs: int) -> list[float]:
        samples: list[float] = worker.ask("sandbox", runs=runs, **request)["samples_ms"]
        return samples

    return sample


def sandbox_subjects(bench: Bench) -> list[Subject]:
    """Return the rows about sandboxes, and the program without a box beside them."""
    root = {"rootfs": str(bench.root)}
    program = str(bench.root / "bin/true")
    cold, pool, warm, bare = (bench.worker() for _ in range(4))
    python = ["python3", "-c", WARM_CODE]
    return [
        Subject("fork", "fork + exec + wait of the program", 16, _plain(bare, "fork", [program])),
        Subject(
            "spawn",
            "posix_spawn + wait of the program, no pauses",
            16,
            command(bare, [program]),
        ),
        Subject(
            "captured",
            "subprocess.run(capture_output=True) of the program",
            16,
            _plain(bare, "captured", [program]),
        ),
        Subject(
            "sandbox",
            "Sandbox.run",
            16,
            _in_process(cold, kind="Sandbox", options=root, argv=TRUE),
        ),
        Subject(
            "pooled",
            "SandboxPool.run",
            16,
            _in_process(pool, kind="SandboxPool", options={**root, "size": 4}, argv=TRUE),
        ),
        Subject(
            "python_cold",
            "Sandbox.run of python3 with NumPy and pandas",
            1,
            _in_process(cold, kind="Sandbox", options={}, argv=python),
        ),
        Subject(
            "python_warm",
            "WarmPython.run of the same",
            8,
            _in_process(
                warm, kind="WarmPython", options={"imports": MODULES, "size": 2}, argv=python[1:]
            ),
        ),
    ]


def sandbox_figures(bench: Bench) -> dict[str, Any]:
    """Measure pooled runs in a second, and the time from a violation until all stand."""
    found: dict[str, Any] = {}
    worker = bench.worker()
    options = {"rootfs": str(bench.root)}
    for key, request in (
        ("pooled_per_second", {"do": "pool_rate", "runs": POOLED_RUNS, "threads": POOL_THREADS}),
        ("frozen_ms", {"do": "violations", "runs": VIOLATIONS}),
    ):
        try:
            answer = worker.ask(**request, options=options)  # type: ignore[arg-type]
            value = answer.get("per_second") or statistics.median(answer["samples_ms"])
            found[key] = value
        except MissingError as why:
            found[f"{key}_missing"] = str(why)
    return found
