"""Measure pulling and unpacking an image from a registry beside podman, and skopeo with umoci.

    make bench-images      or: python bench/images.py [--rounds N] [--write] [--directory PLACE]

The image of bench/unpack.py lies in Debian's docker-registry on loopback, in the page cache. Every
subject is a command with an empty store, timed from spawn to end; the subjects take turns, each
round in another order. Figures of different runs are not to be compared.

Nothing is removed before the end: ext4 makes files many times slower for five minutes where others
were removed (kernel/file_flags.py), so whoever came next would pay for the cleaning.
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
from tests.registries import Registry, registry
from unpack import LAYERS, clear, make_image

ROUNDS = 3
EROFS, DIRECTORIES = "wardian pull, EROFS", "wardian pull, directories"
PODMAN, UMOCI = "podman pull", "skopeo copy + umoci raw unpack"

# A kernel that mounts EROFS from a file gets that form: the other one has to be asked for.
PULL = """
import sys
from wardian.cli import main
if sys.argv.pop(1) == "directory":
    from wardian.images import layer_store
    layer_store.erofs_works = lambda _folder: False
sys.exit(main.main())
"""


class Subject:
    """A way to pull the image.

    Attributes:
        title: in the table.
        seconds: of each round.
        missing: why it can't be measured here, or "".
    """

    def __init__(self, title: str, *commands: list[str]) -> None:
        self.title = title
        self.seconds: list[float] = []
        self._commands = commands
        lacking = [words[0] for words in commands if not shutil.which(words[0])]
        self.missing = f"no {lacking[0]} here" if lacking else ""

    def take(self, place: Path) -> None:
        """Pull once into a new directory."""
        if self.missing:
            return
        place.mkdir()
        own = {**os.environ, "WARDIAN_ROOT": f"{place}/w", "WARDIAN_STATE": f"{place}/w-state"}
        try:
            start = time.monotonic()
            for words in self._commands:
                argv = [word.replace("PLACE", str(place)) for word in words]
                done = subprocess.run(argv, env=own, capture_output=True, text=True, check=False)
                if done.returncode:
                    self.missing = f"failed: {done.stderr.strip().splitlines()[-1][:200]}"
                    return
            self.seconds.append(time.monotonic() - start)
            self.check(place)
        finally:
            # what podman mounts over its own store
            subprocess.run(["umount", f"{place}/root/overlay"], capture_output=True, check=False)
            os.sync()

    def check(self, place: Path) -> None:
        """Look that wardian made the form that the row is about."""
        forms = {file.read_text().split()[1] for file in place.glob("w/**/layer") if file.is_file()}
        wanted = {EROFS: {"erofs"}, DIRECTORIES: {"directory"}}.get(self.title, set())
        if forms != wanted:
            raise SystemExit(f"{self.title}: made {sorted(forms)}")


def subjects(running: Registry) -> list[Subject]:
    """Return all that is compared."""
    name = f"{running.address}/bench:1"
    storage = ["--root", "PLACE/root", "--runroot", "PLACE/run", "--storage-driver", "overlay"]
    pull = [sys.executable, "-c", PULL]
    return [
        Subject(EROFS, [*pull, "erofs", "pull", "-q", name]),
        Subject(DIRECTORIES, [*pull, "directory", "pull", "-q", name]),
        Subject(PODMAN, ["podman", *storage, "pull", "-q", "--tls-verify=false", name]),
        Subject(
            UMOCI,
            [
                *("skopeo", "copy", "--insecure-policy", "--src-tls-verify=false"),
                *(f"docker://{name}", "oci:PLACE/layout:bench"),
            ],
            ["umoci", "raw", "unpack", "--image", "PLACE/layout:bench", "PLACE/out"],
        ),
    ]


def versions() -> list[str]:
    """Return the peers' versions."""
    found = []
    for name in ("podman", "skopeo", "umoci", "docker-registry"):
        if shutil.which(name):
            done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
            words = done.stdout.split()
            found.append(f"{name} {words[-1] if words else 'of unknown version'}")
    return found


def medians(measured: list[Subject]) -> dict[str, float]:
    """Return the median of each subject that could be measured."""
    return {
        one.title: statistics.median(one.seconds)
        for one in measured
        if one.seconds and not one.missing
    }


def table(measured: list[Subject]) -> list[str]:
    """Return the rows in Markdown: how many times as fast as each peer."""
    found = medians(measured)
    lines = [
        "| what | median s | min | max | n | podman pull takes | skopeo + umoci takes |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in measured:
        if one.title not in found:
            lines.append(f"| {one.title} | {one.missing or 'not measured'} | | | | | |")
            continue
        middle = found[one.title]
        ratios = [f"{found[peer] / middle:.2f}x" if peer in found else "-" for peer in PEERS]
        times = [f"{value:.2f}" for value in (middle, min(one.seconds), max(one.seconds))]
        cells = [one.title, *times, str(len(one.seconds)), *ratios]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


PEERS = (PODMAN, UMOCI)


def goals(found: dict[str, float]) -> list[str]:
    """Compare with what was promised."""
    lines = []
    for text, ours, peers, limit in (
        ("EROFS against podman pull", EROFS, (PODMAN,), 5),
        ("EROFS against the faster of both", EROFS, PEERS, 3),
        ("directories against podman pull", DIRECTORIES, (PODMAN,), 2),
    ):
        state = "not measured"
        if ours in found and all(peer in found for peer in peers):
            ratio = min(found[peer] for peer in peers) / found[ours]
            state = f"{ratio:.2f}x, {'met' if ratio >= limit else 'NOT MET'}"
        lines.append(f"- goal: {text} at least {limit}x as fast: {state}")
    return lines


def document(facts: list[str], rows: list[str], verdicts: list[str]) -> str:
    """Return this bench's part of docs/benchmarks.md."""
    return "\n".join(
        [
            report.IMAGES,
            "Made by `make bench-images` with `--write`; one run, all rows in turn. A row is the",
            "time of the commands from spawn to end, from a docker-registry on loopback into an",
            "empty store on disk. `umoci raw unpack` makes the tree alone, which is faster than a",
            "bundle. Where the kernel mounts EROFS, the directory form is asked for. Times hold",
            "for a machine as busy as the load average says; see how far min and max are apart.",
            "",
            *(f"- {fact}" for fact in facts),
            "",
            *rows,
            "",
            *verdicts,
            "",
        ]
    )


def main() -> int:
    """Run the bench; exit 0 also where a goal is not met: it is a measurement, not a test."""
    parser = argparse.ArgumentParser(description="Measure pulling an image")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="write it to docs/benchmarks.md")
    parser.add_argument("--directory", help="where everything is written")
    options = parser.parse_args()
    facts = report.machine(versions())
    with tempfile.TemporaryDirectory(prefix="wardian-bench-", dir=options.directory) as name:
        top = Path(name)
        layers = make_image(top / "layout", "gzip")
        packed = sum(blob.stat().st_size for blob, _diff_id in layers)
        with registry(top / "registry") as running:
            copy = ["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false"]
            target = f"docker://{running.address}/bench:1"
            subprocess.run(
                [*copy, "--preserve-digests", f"oci:{top}/layout:bench", target],
                check=True,
                capture_output=True,
            )
            shutil.rmtree(top / "layout")
            os.sync()
            measured = subjects(running)
            shuffled = list(measured)
            for number in range(options.rounds):
                random.Random(number).shuffle(shuffled)
                for turn, one in enumerate(shuffled):
                    one.take(top / f"{number}-{turn}")
            for place in top.glob("[0-9]*-*"):
                clear(place)
    facts.append(f"{len(LAYERS)} layers, {packed / 1e6:.0f} MB as gzip")
    rows, verdicts = table(measured), goals(medians(measured))
    sys.stdout.write("\n".join([*facts, "", *rows, "", *verdicts]) + "\n")
    if options.write:
        report.write(images=document(facts, rows, verdicts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
