"""Measure a build of ten steps beside buildah: `wardian build`, cold and fully cached.

    make bench-builds      or: python bench/builds.py [--rounds N] [--write]

The recipe is ten instructions on an image of a static busybox: six RUN, three COPY, one WORKDIR.
Each round every subject builds once, in another order, with the base image already there and
nothing else; "cached" builds the same again. Both are timed from spawn to end. buildah runs its
steps with runc where that is installed, and once more with `--layers`, since without it makes one
layer of all steps and caches none. Figures of different runs are not to be compared.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import report
from tests.roots import busybox

ROUNDS = 5
CACHED_S = 0.5
RECIPE = """\
FROM BASE
RUN mkdir -p /srv/app && echo 1 > /srv/app/one
COPY files /srv/files
RUN cat /srv/files/* > /srv/app/all
WORKDIR /srv/app
RUN for i in $(seq 1 200); do echo $i > f$i; done
COPY files/f1 two
RUN rm f1 && ln -s f2 f1
COPY files/f2 three
RUN chmod 700 two three
RUN ls -lR /srv > /srv/list
"""


class Subject:
    """A builder.

    Attributes:
        title: in the table.
        cold, cached: the seconds of each round.
    """

    def __init__(self, title: str, build: list[str], load: list[str], env: dict[str, str]) -> None:
        self.title = title
        self.cold: list[float] = []
        self.cached: list[float] = []
        self._build = build
        self._load = load
        self._env = {**os.environ, **env}

    def take(self, place: Path, context: Path) -> None:
        """Build twice in an empty store that has the base."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        self._run(self._load, place, context)
        for row in (self.cold, self.cached):
            start = time.monotonic()
            self._run(self._build, place, context)
            row.append(time.monotonic() - start)
        subprocess.run(["rm", "-rf", str(place)], check=True)

    def _run(self, words: list[str], place: Path, context: Path) -> None:
        argv = [
            word.replace("PLACE", str(place)).replace("CONTEXT", str(context)) for word in words
        ]
        env = {name: text.replace("PLACE", str(place)) for name, text in self._env.items()}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{self.title}: {done.stderr.strip()[-400:]}")


def subjects(archive: Path) -> list[Subject]:
    """Return the builders that are installed."""
    ours = [sys.executable, "-m", "wardian"]
    wardian = Subject(
        "wardian build",
        [*ours, "build", "-q", "--no-lock", "-t", "made", "CONTEXT"],
        [*ours, "load", "-q", "-i", str(archive)],
        {"WARDIAN_ROOT": "PLACE/w", "WARDIAN_STATE": "PLACE/s"},
    )
    found = [wardian]
    if shutil.which("buildah"):
        store = ["--root", "PLACE/root", "--runroot", "PLACE/run", "--storage-driver", "overlay"]
        # crun refuses the hybrid control groups of the development machine
        runtime = ["--runtime", "runc"] if shutil.which("runc") else []
        for more in ([], ["--layers"]):
            build = [*store, "bud", "-q", *runtime, *more, "-t", "made", "CONTEXT"]
            load = [*store, "pull", "-q", f"oci-archive:{archive}"]
            title = " ".join(["buildah bud", *more])
            found.append(Subject(title, ["buildah", *build], ["buildah", *load], {}))
    return found


def versions() -> list[str]:
    """Return the versions of the peers."""
    found = []
    for words in (["buildah", "--version"], ["runc", "--version"]):
        if shutil.which(words[0]):
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            found.append(done.stdout.splitlines()[0].partition(" (")[0])
    return found


def table(row: list[Subject]) -> list[str]:
    """Return the rows of the document."""
    best = min((statistics.median(one.cold) for one in row[1:]), default=0.0)
    lines = [
        "| what | cold, median s | min | max | cached, median s | n | the faster buildah takes |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in row:
        cold, cached = statistics.median(one.cold), statistics.median(one.cached)
        cells = (f"{cold:.2f}", f"{min(one.cold):.2f}", f"{max(one.cold):.2f}", f"{cached:.2f}")
        ratio = f"{best / cold:.2f}x" if best else ""
        lines.append(f"| {one.title} | {' | '.join(cells)} | {len(one.cold)} | {ratio} |")
    return lines


def goals(row: list[Subject]) -> list[str]:
    """Return what was to be reached, and whether it was."""
    ours = row[0]
    cold, cached = statistics.median(ours.cold), statistics.median(ours.cached)
    found = []
    for peer in row[1:]:
        ratio = statistics.median(peer.cold) / cold
        state = "met" if ratio >= 1 else "NOT MET"
        found.append(f"- goal: cold no slower than {peer.title}: {ratio:.2f}x, {state}")
    state = "met" if cached < CACHED_S else "NOT MET"
    found.append(f"- goal: fully cached under {CACHED_S} s: {cached:.2f} s, {state}")
    return found


def document(facts: list[str], lines: list[str], verdicts: list[str]) -> str:
    """Return this bench's part of docs/benchmarks.md."""
    return "\n".join(
        [
            report.BUILDS,
            "Made by `make bench-builds` with `--write`; one run, all rows in turn. The recipe has",
            "ten instructions on a static busybox: six RUN, three COPY, one WORKDIR. Times are",
            "from spawn to end; cold has the base image in an otherwise empty store, cached builds",
            "the same again. Without `--layers` buildah makes one layer of all, and caches none.",
            "Times hold for a machine as busy as the load average says; see how far min and max",
            "are apart.",
            "",
            *(f"- {fact}" for fact in facts),
            "",
            *lines,
            "",
            *verdicts,
            "",
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure a build of ten steps.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="write it to docs/benchmarks.md")
    options = parser.parse_args()
    rounds = options.rounds
    facts = report.machine(versions())
    with tempfile.TemporaryDirectory(prefix="wardian-bench-") as directory:
        top = Path(directory)
        archive = top / "base.tar"
        env = {**os.environ, "WARDIAN_ROOT": f"{top}/make", "WARDIAN_STATE": f"{top}/make-s"}
        ours = [sys.executable, "-m", "wardian"]
        root = str(busybox(top))
        subprocess.run([*ours, "import", root, "localhost/base:1"], env=env, check=True)
        save = ["save", "--format", "oci-archive", "-o", str(archive), "localhost/base:1"]
        subprocess.run([*ours, *save], env=env, check=True)
        context = top / "context"
        (context / "files").mkdir(parents=True)
        for number in range(100):
            (context / "files" / f"f{number}").write_bytes(bytes(10_000))
        (context / "Containerfile").write_text(RECIPE.replace("BASE", "localhost/base:1"))
        row = subjects(archive)
        for _round in range(rounds):
            for subject in random.sample(row, len(row)):
                subject.take(top / "place", context)
    lines, verdicts = table(row), goals(row)
    sys.stdout.write("\n".join([*facts, "", *lines, "", *verdicts]) + "\n")
    if options.write:
        report.write(builds=document(facts, lines, verdicts))


if __name__ == "__main__":
    main()
