"""Build real programs in two worlds, by hand and inside wardian, and write the table.

python -m tests.real_sources [NAME...]: as root; takes minutes for each program, of which the
results are kept. --needs prints the Debian packages that it needs.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import users
from tests.habits.project import ROOT
from tests.real_sources import worlds
from tests.real_sources.fetching import Sources
from tests.real_sources.programs import PROGRAMS, Program
from wardian.repro import staging
from wardian.repro.outputs import Entry, differing

CACHE = Path("/var/tmp/wardian-real-sources")
TABLE = ROOT / "docs" / "real-sources.md"
KEPT = CACHE / "results.json"
TIMEOUT_S = 1800
TOOLS = ("dpkg-dev", "faketime", "gcc", "libc6-dev", "locales", "make", "util-linux")
Row = dict[str, str]

HEAD = """# Real sources

Real programs from Debian's and PyPI's source packages, each built in two worlds: once by hand,
and once inside of wardian (`wardian repro run --clock commit`), which is started in the same two
worlds. The second world has another user, umask, host name, locale (Turkish), time zone, date (a
year later), number of processors and of jobs, kernel name, address layout, HOME, PATH, hash
seed, environment, build path and order of files; `tests/real_sources/worlds.py` makes it with
env, unshare, setpriv, setarch, taskset and faketime. Nothing is said to any program about
reproducibility.

`make real-sources` makes the table. This one is of {date}, on {system}.

| program | version | what | by hand | inside wardian | what differs by hand |
| --- | --- | --- | --- | --- | --- |
"""


class BuildError(Exception):
    """A build failed; the text says which and why."""


def built_by_hand(program: Program, world: worlds.World, original: Path) -> dict[str, Entry]:
    """Build with no help; returns the outputs, copied beside the original."""
    source = world.source(original)
    done = world.run(["sh", "-ec", program.build], source, TIMEOUT_S)
    if done.returncode:
        raise BuildError(f"{program.name} fails in world {world.name}:\n{done.stderr[-2000:]}")
    store = str(original.with_name(f"made-{world.name}"))
    os.mkdir(store)
    words = {"patterns": list(program.outputs), "before": {}}
    rows = staging.collect(str(source), store, **words)  # type: ignore[arg-type]
    for pattern in program.outputs:
        if not any(staging.matches(name, pattern) for name in rows):
            raise BuildError(f"{program.name} makes no {pattern}")
    return {name: staging.entry_of(row) for name, row in rows.items()}  # type: ignore[arg-type]


def built_inside(program: Program, world: worlds.World, original: Path, wardian: str) -> Path:
    """Build in a box; returns the record."""
    source = world.source(original)
    record = world.place / "record.json"
    words = ["repro", "run", "--clock", "commit", "--record", str(record), *program.box]
    for pattern in program.outputs:
        words += ["--output", pattern]
    words += ["--", "sh", "-ec", program.build]
    done = world.run([wardian, *words], source, TIMEOUT_S)
    if done.returncode:
        raise BuildError(f"{program.name} fails inside, {world.name}:\n{done.stderr[-2000:]}")
    kept = CACHE / f"{program.name.replace(' ', '-')}-{world.name}.json"
    kept.write_bytes(record.read_bytes())
    return kept


def compared(program: Program, two: "tuple[worlds.World, worlds.World]", wardian: str) -> Row:
    """Build four times; returns the row of the table."""
    with tempfile.TemporaryDirectory(prefix="wardian-real-", dir="/var/tmp") as scratch:
        original = Path(scratch) / "source"
        version = Sources(CACHE).unpacked(program, original)
        by_hand = [built_by_hand(program, world, original) for world in two]
        differ = differing(*by_hand)
        records = [built_inside(program, world, original, wardian) for world in two]
    done = subprocess.run(
        [sys.executable, "-m", "wardian", "repro", "diff", "--json", *map(str, records)],
        capture_output=True,
        check=False,
    )
    rows = [row for row in json.loads(done.stdout)["differences"] if row["topic"] == "outputs"]
    count = len(json.loads(records[0].read_text())["outputs"])
    names = sorted({row["place"].rpartition(".")[0] for row in rows})
    return {
        "version": version,
        "what": program.what,
        "by hand": f"{len(differ)} of {len(by_hand[0])} differ" if differ else "identical",
        "inside": f"{len(names)} of {count} differ: {names}" if names else f"identical ({count})",
        "which": ", ".join(f"`{name}`" for name in differ[:3]) + " ..." * (len(differ) > 3),
    }


def write(rows: dict[str, Row]) -> None:
    """Write the table from all results so far."""
    system = "{sysname} {release} {machine}".format(
        **dict(
            zip(("sysname", "nodename", "release", "version", "machine"), os.uname(), strict=True)
        )
    )
    text = HEAD.format(date=dt.date.today().isoformat(), system=system)
    for name, row in rows.items():
        cells = (name, row["version"], row["what"], row["by hand"], row["inside"], row["which"])
        text += f"| {' | '.join(cells)} |\n"
    bad = sum(row["by hand"] != "identical" for row in rows.values())
    good = sum(row["inside"].startswith("identical") for row in rows.values())
    text += (
        f"\nOf {len(rows)} programs, {bad} differ by hand; {good} are identical inside wardian.\n"
    )
    TABLE.write_text(text, encoding="utf-8")


def main() -> None:
    """Build what is named, or all that has no result yet."""
    if "--needs" in sys.argv:
        print(*sorted({*TOOLS, *(need for one in PROGRAMS for need in one.needs)}))
        return
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    CACHE.mkdir(exist_ok=True)
    rows: dict[str, Row] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    place = Path(tempfile.mkdtemp(prefix="wardian-real-", dir="/dev/shm"))
    place.chmod(0o755)
    state = Path(tempfile.mkdtemp(prefix="wardian-real-", dir="/var/tmp"))
    variables = (f"WARDIAN_ROOT={state}/root", f"WARDIAN_STATE={state}/state")
    try:
        with users.installation() as prefix, users.user("real", prefix, subordinates=True) as user:
            locales = worlds.turkish(place / "locales")
            two = (worlds.first(place, variables), worlds.second(place, (), user, locales))
            for program in PROGRAMS:
                if program.name in names or not (names or program.name in rows):
                    start = time.monotonic()
                    try:
                        rows[program.name] = compared(program, two, str(prefix / "bin/wardian"))
                    except (BuildError, subprocess.SubprocessError) as error:
                        print(f"{program.name}: {error}", flush=True)
                        continue
                    print(program.name, rows[program.name], f"{time.monotonic() - start:.0f} s")
                    sys.stdout.flush()
                    KEPT.write_text(json.dumps(rows))
    finally:
        subprocess.run(["rm", "-rf", place, state], check=True)
    write({one.name: rows[one.name] for one in PROGRAMS if one.name in rows})


if __name__ == "__main__":
    main()
