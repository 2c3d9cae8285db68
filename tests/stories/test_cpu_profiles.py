"""Story: the same numbers on any processor; shown with NumPy, glibc and OpenBLAS as they are."""

import os
import site
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import wardian
from tests.machine import missing, requires
from wardian.repro import cpu

pytestmark = [pytest.mark.root, pytest.mark.slow]

PROBE = """
import hashlib, math
import numpy as np
from numpy.random import Generator, Philox

def show(name, values):
    print(name, hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:12])

source = Generator(Philox(key=1))
matrix = source.normal(size=(160, 160))
vector = source.random(5000) * 9 + 0.1
show("random", matrix)
show("product", matrix @ matrix)
show("dot", np.dot(vector, vector))
show("svd", np.linalg.svd(matrix)[1])
show("solve", np.linalg.solve(matrix, matrix[0]))
show("exp", np.exp(vector))
show("sin", np.sin(vector.astype("f4")))
show("power", vector**1.37)
show("fft", np.fft.fft(vector))
show("math", [math.exp(x) + math.sin(x) + math.log(x) + x**1.1 for x in vector[:500]])
"""


@pytest.fixture
def numpy_box(tmp_path: Path) -> dict[str, Any]:
    """Options of a box that has this test's Python and NumPy; and the probe at /probe.py."""
    requires("root")
    if os.uname().machine != "x86_64":
        missing("an x86-64 processor")
    if not Path("/usr/bin/qemu-x86_64-static").exists():
        missing("Debian's qemu-user-static")
    if find_spec("numpy") is None:
        missing("NumPy (pip install .[dev])")
    (tmp_path / "probe.py").write_text(PROBE)
    packages = next(path for path in site.getsitepackages() if Path(path, "numpy").exists())
    volumes = [f"{tmp_path}/probe.py:/probe.py:ro", f"{packages}:/packages:ro"]
    if not sys.base_prefix.startswith("/usr"):
        volumes.append(f"{sys.base_prefix}:{sys.base_prefix}:ro")
    return {"volume": volumes, "env": ["PYTHONPATH=/packages"]}


def command() -> list[str]:
    return [os.path.realpath(sys.executable), "/probe.py"]


def is_new(level: str) -> bool:
    return str(cpu.describe()["level"]) >= level


@pytest.mark.parametrize("profile", ["v2", "v3"])
def test_with_a_profile_all_processors_give_the_same_bits(
    numpy_box: dict[str, Any], profile: str
) -> None:
    if not is_new(profile):
        missing(f"a processor of level {profile}")
    report = cpu.check(command(), cpu_profile=profile, **numpy_box)
    assert report.is_equal, report.document()
    assert [run.exit_code for run in report.runs] == [0] * len(report.runs)
    assert {"numpy", "openblas", "glibc"} <= set(report.libraries)


def test_without_a_profile_another_processor_gives_other_bits(
    numpy_box: dict[str, Any],
) -> None:
    if not is_new("v3"):
        missing("a processor of level v3")
    report = cpu.check(command(), models=["Nehalem"], threads=1, **numpy_box)
    assert report.lines() == ["Nehalem: differs: standard output"]


def test_files_are_compared_and_names_are_looked_up_in_the_box(tmp_path: Path) -> None:
    requires("root")
    script = tmp_path / "job"
    script.write_text("#!/usr/bin/env sh\necho $1 > /out/file; cat /proc/self/exe | head -c 4\n")
    script.chmod(0o755)
    report = cpu.check(
        ["job", "hello"],
        outputs=["/out"],
        models=["Nehalem"],
        volume=[f"{script}:/usr/local/bin/job:ro"],
    )
    assert report.is_equal, report.document()
    assert set(report.runs[1].outputs) == {cpu.STDOUT, "/out/file"}


def test_what_does_not_run_there_is_no_success(tmp_path: Path) -> None:
    requires("root")
    report = cpu.check(["/usr/bin/true"], models=["NoSuchModel"])
    assert not report.is_equal
    assert "exit code" in report.lines()[0]


def test_a_program_sees_the_profile_and_a_bad_one_is_refused() -> None:
    requires("root")
    done = wardian.run(["sh", "-c", "echo $OPENBLAS_CORETYPE $OMP_NUM_THREADS"], cpu_profile="v2")
    assert done.stdout == b"Nehalem 1\n"
