"""What `wardian run` loads decides how fast it starts: an allow-list of modules."""

import subprocess
import sys

from tests.habits.project import ROOT

# Modules that cost milliseconds (style.md, section 2). A plain run loads none of them.
HEAVY = {
    *(
        "argparse",
        "asyncio",
        "collections",
        "ctypes",
        "dataclasses",
        "enum",
        "functools",
        "hashlib",
    ),
    *("http", "inspect", "json", "logging", "multiprocessing", "pathlib", "re", "shutil", "signal"),
    *("socket", "ssl", "subprocess", "tarfile", "tempfile", "threading", "typing", "urllib"),
}


def loaded(code: str) -> set[str]:
    """Run code as bin/wardian does; returns the top-level modules that it loaded."""
    source = str(ROOT / "src")
    show = "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.append({source!r}); {code}; {show}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_the_command_line_loads_nothing_heavy() -> None:
    assert loaded("import wardian.cli.main") & HEAVY == set()


def test_a_run_s_modules_load_nothing_heavy() -> None:
    lean = "import wardian.cli.main, wardian.cli.containers, wardian.cli.arguments"
    assert loaded(lean) & HEAVY == set()


def test_the_engine_loads_nothing_heavy() -> None:
    assert loaded("import wardian; wardian.run, wardian.Container") & HEAVY == set()


def test_nothing_is_loaded_that_is_not_the_standard_library() -> None:
    extra = loaded("import wardian.cli.main; wardian.run") - set(sys.stdlib_module_names)
    assert extra <= {"wardian", "__main__"}


def test_finding_an_image_s_layers_loads_nothing_heavy() -> None:
    assert loaded("import wardian.images.layers, wardian.images.snapshots") & HEAVY == set()


def test_running_an_image_that_is_here_loads_nothing_heavy() -> None:
    lean = "import wardian.engine.image_base, wardian.engine.image_config"
    assert loaded(lean) & HEAVY == set()


def test_the_oci_runtime_loads_nothing_heavy_and_nothing_above_it() -> None:
    modules = "wardian.oci_cli.main, wardian.oci_cli.making, wardian.oci_cli.entering"
    assert loaded(f"import {modules}") & HEAVY == set()
    assert loaded(f"import {modules}") - set(sys.stdlib_module_names) <= {"wardian", "__main__"}
