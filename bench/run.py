"""Measure wardian beside the bare system calls and beside its peers, in one run.

    make bench             or: python bench/run.py [--quick] [--write] [--json] [--only KEY,KEY]

All subjects are measured in turn, round after round, and compared by medians, so that what the
machine does meanwhile touches all of them alike. Figures of different runs are not to be compared.
"""

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report
from peers import peer_subjects, versions
from sandboxes import sandbox_figures, sandbox_subjects
from subjects import Bench, MissingError, Subject, own_subjects, prepared

ROUNDS, QUICK_ROUNDS = 16, 3
SETTLE_S = 0.1
THREADS = 16
INIT_LIMIT_KIB = 1024


def measure(subjects: list[Subject], rounds: int) -> None:
    """Take samples of all subjects, a few of each in every round, each round in another order.

    The kernel removes network namespaces, mounts and control groups some time after their last
    process ended. So that nobody pays for whoever came before, there is a pause, and a run that
    does not count.
    """
    shuffle = random.Random(1).shuffle
    order = list(subjects)
    for subject in subjects:
        subject.warm_up()
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        shuffle(order)
        for subject in order:
            time.sleep(SETTLE_S)
            subject.take(subject.share)
    progress("")


def progress(text: str) -> None:
    """Show how far it is, where somebody watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:30}\r")
        sys.stderr.flush()


def throughput(bench: Bench, runs: int) -> dict[str, Any]:
    """Measure boxes a second from many threads, and the size of an init."""
    worker = bench.worker()
    options = {"rootfs": str(bench.root)}
    found: dict[str, Any] = {}
    for key, limits in (
        ("per_second", {}),
        ("per_second_limits", {"memory": "64m", "pids_limit": 32}),
    ):
        try:
            worker.ask("box", options=options, command=["/bin/true"], runs=2)
            answer = worker.ask(
                "threads",
                options={**options, **limits},
                command=["/bin/true"],
                runs=runs,
                threads=THREADS,
            )
            found[key] = answer["per_second"]
        except MissingError as why:
            found[f"{key}_missing"] = str(why)
    try:
        found["init_rss_kib"] = worker.ask(
            "init_rss", options=options, command=["/bin/true", "wait"]
        )["rss_kib"]
    except MissingError as why:
        found["init_rss_missing"] = str(why)
    return found


class Goal:
    """A figure that was promised."""

    def __init__(self, text: str, value: float | None, limit: float, unit: str) -> None:
        self.text = text
        self.value = value
        self.limit = limit
        self.unit = unit

    @property
    def state(self) -> str:
        """Return "met", "NOT MET" or "not measured"."""
        if self.value is None:
            return "not measured"
        return "met" if self.value <= self.limit else "NOT MET"


def goals(medians: dict[str, float], extra: dict[str, Any]) -> list[Goal]:
    """Compare the figures with the promises of the project."""

    def ratio(one: str, other: str) -> float | None:
        if one in medians and other in medians:
            return medians[one] / medians[other]
        return None

    return [
        Goal("full box / floor", ratio("box", "floor"), 2.0, "x"),
        Goal("full box / crun run", ratio("box", "crun"), 1.0, "x"),
        Goal("box with limits / full box", ratio("box_limits", "box"), 2.0, "x"),
        Goal("box in a big process / full box", ratio("box_big", "box"), 1.25, "x"),
        Goal("wardian run / runc run", ratio("command", "runc"), 1.0, "x"),
        Goal("wardian-oci run / runc run", ratio("oci", "runc"), 1.0, "x"),
        Goal("create + start + delete / runc's", ratio("oci_life", "runc_life"), 1.0, "x"),
        Goal("Sandbox.run / floor", ratio("sandbox", "floor"), 3.0, "x"),
        Goal("SandboxPool.run / plain fork + exec", ratio("pooled", "fork"), 1.5, "x"),
        Goal("WarmPython.run with NumPy and pandas", medians.get("python_warm"), 10.0, " ms"),
        Goal(
            "a pooled run from many threads",
            per_run_ms(extra.get("pooled_per_second")),
            1.25,
            " ms",
        ),
        Goal("violation to frozen", extra.get("frozen_ms"), 5.0, " ms"),
        Goal("resident size of init", extra.get("init_rss_kib"), INIT_LIMIT_KIB, " KiB"),
    ]


def per_run_ms(per_second: float | None) -> float | None:
    """Return what one run takes where so many end in a second: 800 are 1.25 ms each."""
    return 1000 / per_second if per_second else None


def table(subjects: list[Subject]) -> list[str]:
    """Return the rows as a Markdown table: medians, spread, ratios to the floor and the peers."""
    medians = {s.key: statistics.median(s.samples) for s in subjects if s.samples}
    lines = [
        "| what | median ms | p10 | p90 | n | x floor | x crun | x runc |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for subject in subjects:
        if not subject.samples:
            lines.append(f"| {subject.title} | {subject.missing or 'not measured'} | | | | | | |")
            continue
        samples = sorted(subject.samples)
        count = len(samples)
        median = medians[subject.key]
        ratios = [
            f"{median / medians[peer]:.2f}" if peer in medians else "-"
            for peer in ("floor", "crun", "runc")
        ]
        cells = [
            subject.title,
            f"{median:.2f}",
            f"{samples[count // 10]:.2f}",
            f"{samples[count * 9 // 10]:.2f}",
            str(count),
            *ratios,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def aligned(lines: list[str]) -> list[str]:
    """Return a Markdown table with columns of equal width, for the eye."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    widths = [0] * len(rows[0])
    for row in rows:
        if len(row) > 1 and row[1].replace(".", "").isdigit():
            widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
    widths[0] = max(len(row[0]) for row in rows)
    shown = []
    for row in rows:
        if row[0].startswith("---"):
            continue
        first, *others = row
        cells = [
            cell.rjust(max(width, len(head)))
            for cell, width, head in zip(others, widths[1:], rows[0][1:], strict=True)
        ]
        shown.append(f"{first.ljust(widths[0])}  {'  '.join(cells)}".rstrip())
    return shown


def further(medians: dict[str, float], extra: dict[str, Any], verdicts: list[Goal]) -> list[str]:
    """Return the other figures and the goals."""
    lines = []
    for key, text in (
        ("per_second", f"boxes a second from {THREADS} threads"),
        ("per_second_limits", f"the same with memory and pids limits, from {THREADS} threads"),
        ("pooled_per_second", "pooled sandbox runs a second"),
    ):
        value = f"{extra[key]:.0f}" if key in extra else extra.get(f"{key}_missing", "not measured")
        lines.append(f"- {text}: {value}")
    for key, text in (("spawn", "posix_spawn"), ("captured", "subprocess.run")):
        if key in medians and "pooled" in medians:
            lines.append(f"- SandboxPool.run / {text}: {medians['pooled'] / medians[key]:.2f}x")
    for goal in verdicts:
        number = "-" if goal.value is None else f"{goal.value:.2f}".removesuffix(".00")
        limit = f"{goal.limit:g}{goal.unit}"
        lines.append(f"- goal: {goal.text} at most {limit}: {number}{goal.unit}, {goal.state}")
    return lines


def document(facts: list[str], rows: list[str], others: list[str]) -> str:
    """Return this bench's part of docs/benchmarks.md."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Made by `make bench` with `--write`; every figure is of one run, in which all rows",
            "were measured in turn. A row is the time of one container around a static program",
            "that returns at once. The floor is a C program (bench/floor.c) that makes the same",
            "namespaces, overlay and exec and nothing else. `wardian.run` rows are calls in a",
            "Python process; commands are timed from spawn to end. runc and crun have no overlay",
            "to mount, and without `seccomp` in the row no filter to load. The rows of the program",
            "without a box are of a Python process that has loaded nothing else: fork(2), as the",
            "goal words it, with the pause between two that pooled runs have; posix_spawn(3),",
            "which is vfork(2) and copies nothing; and what people write who want the output.",
            "",
            *(f"- {fact}" for fact in facts),
            "",
            *rows,
            "",
            *others,
            "",
        ]
    )


def main() -> int:
    """Run the bench; exit 0 also where a goal is not met: it is a measurement, not a test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="a short run, for a first look")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    parser.add_argument("--only", default="", help="comma-separated keys of subjects (see --json)")
    arguments = parser.parse_args()
    facts = report.machine(list(versions().values()))
    with prepared() as bench:
        subjects = own_subjects(bench) + sandbox_subjects(bench) + peer_subjects(bench)
        wanted = set(filter(None, arguments.only.split(",")))
        if wanted:
            subjects = [subject for subject in subjects if subject.key in wanted]
        measure(subjects, QUICK_ROUNDS if arguments.quick else ROUNDS)
        extra = {} if wanted else throughput(bench, 100 if arguments.quick else 800)
        extra |= {} if wanted else sandbox_figures(bench)
    medians = {s.key: statistics.median(s.samples) for s in subjects if s.samples}
    rows = table(subjects)
    others = further(medians, extra, goals(medians, extra))
    if arguments.json:
        data = {
            s.key: {"title": s.title, "samples_ms": s.samples, "missing": s.missing}
            for s in subjects
        }
        sys.stdout.write(
            json.dumps({"facts": facts, "subjects": data, "further": extra}, indent=1) + "\n"
        )
    else:
        sys.stdout.write("\n".join([*facts, "", *aligned(rows), "", *others]) + "\n")
    if arguments.write:
        report.write(boxes=document(facts, rows, others))
    return 0


if __name__ == "__main__":
    sys.exit(main())
