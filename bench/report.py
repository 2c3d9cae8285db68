"""The document that the benches write together, docs/benchmarks.md, and the facts about a run.

Each bench has a part of the document and leaves the others' as they are.
"""

import datetime as dt
import os
import platform
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
IMAGES = "\n## Images\n"  # where the second part begins
BUILDS = "\n## Builds\n"  # and the third


def parts() -> tuple[str, str, str]:
    """Return what is written of boxes, of images and of builds."""
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else "# Benchmarks\n"
    rest, builds_heading, builds = text.partition(BUILDS)
    boxes, images_heading, images = rest.partition(IMAGES)
    return boxes, images_heading + images, builds_heading + builds


def write(boxes: str = "", images: str = "", builds: str = "") -> None:
    """Replace some parts; each ends with a line end, and all but the first begin with a heading."""
    old = parts()
    REPORT.parent.mkdir(exist_ok=True)
    new = (one or before for one, before in zip((boxes, images, builds), old, strict=True))
    REPORT.write_text("".join(new), encoding="utf-8")


def machine(peers: list[str]) -> list[str]:
    """Return the facts without which the figures mean nothing."""
    with open("/proc/loadavg", encoding="ascii") as file:
        load = " ".join(file.read().split()[:3])
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    now = dt.datetime.now(tz=dt.UTC)
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    return [
        f"{now:%Y-%m-%d %H:%M} UTC, Linux {platform.release()}, {platform.machine()}, {model}, "
        f"{len(os.sched_getaffinity(0))} cores, as {user}",
        f"Python {platform.python_version()}, load average before the run {load}",
        "; ".join(peers) or "no peer installed",
    ]
