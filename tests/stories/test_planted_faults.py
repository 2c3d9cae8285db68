"""A build with one fault of each kind: each is found, and blamed on the right variation."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Wardian
from tests.machine import missing, requires
from wardian.repro import command

pytestmark = [pytest.mark.root, pytest.mark.slow]

# What each output holds, the variations that change it, and a word of the likely reason.
FAULTS: dict[str, tuple[str, set[str], str]] = {
    "time_stamp": ("date +%s", {"time"}, "seconds since 1970"),
    "compile_date": (
        "strings -a dated | grep -E '^[A-Z][a-z]{2} [ 0-3][0-9] 20'",
        {"time"},
        "date",
    ),
    "binary_time": (
        "python3 -c 'import struct,sys,time;"
        'sys.stdout.buffer.write(b"HEAD"+struct.pack("<I",int(time.time()))+b"TAIL"*4)\'',
        {"time"},
        "four bytes of seconds",
    ),
    "clock_time": ("date +%H:%M", {"time", "time_zone"}, "date or time"),
    "zone": ("date +%z", {"time_zone"}, "time zone"),
    "locale_sorted": ("ls *.txt", {"locale"}, "sorted by the locale"),
    "decimal_point": ("locale decimal_point | tr -d '\\n'; echo 5", {"locale"}, "decimal point"),
    "compiler": ("compiler --which", {"path_order"}, ""),
    "readdir": ("ls -U names", {"file_order"}, "directory lists"),
    "python_listdir": (
        "python3 -c 'import os; print(os.listdir(\"names\"))'",
        {"file_order"},
        "directory lists",
    ),
    "host": ("uname -n", {"host_name"}, "host's name"),
    "random_id": ("cat /proc/sys/kernel/random/uuid", set(), "random id (UUID)"),
    "random_hex": ("head -c 16 /dev/urandom | od -An -tx8 | tr -d ' '", set(), "hexadecimal"),
    "race": ("cat raced", {"concurrency"}, "race"),
    "hash_seed": (
        'python3 -c \'print({"alpha", "beta", "gamma", "delta"})\'',
        {"hash_seed"},
        "set or dict",
    ),
    "perl_hash": (
        'perl -e \'my %h = map { $_ => 1 } "a".."z"; print join(" ", keys %h), "\\n"\'',
        {"hash_seed"},
        "set or dict",
    ),
    "build_path": ("strings -a pathed | grep path.c", {"build_path"}, "build path"),
    "packed_modes": (
        "touch packed; tar c --mtime=@0 --owner=0 --group=0 packed",
        {"umask"},
        "mode",
    ),
    "packed_times": (
        "touch packed; tar c --mode=644 --owner=0 --group=0 packed",
        {"time"},
        "mtime",
    ),
    "packed_owner": ("tar c --mtime=@0 --mode=644 packed", {"user"}, "owner"),
    "home": ("echo $HOME", {"home"}, "home directory"),
    "variables": (
        "env | grep WARDIAN_VARIED || echo none",
        {"environment"},
        "variable of the environment",
    ),
    "search_path": ("echo $PATH", {"path_order", "exec_path"}, "PATH"),
    "kernel": ("cat /proc/version; uname -r", {"kernel"}, "kernel's version"),
    "addresses": ("grep stack /proc/self/maps", {"aslr"}, "addresses of memory"),
    "processors": ("grep Cpus_allowed_list /proc/self/status", {"cpus"}, ""),
    "threads": ("echo $OMP_NUM_THREADS", {"threads"}, ""),
    "processor_kind": ("echo $OPENBLAS_CORETYPE", {"cpu_features"}, ""),
    "uptime": ("read up rest </proc/uptime; echo $((${up%%.*} / 1000000))", {"uptime"}, ""),
    "machine_id": ("cat /etc/machine-id", {"machine_id"}, "machine's id"),
    "together": (
        'case "$(uname -n)$HOME" in varied*varied*) echo both;; *) echo not;; esac',
        {"host_name+home"},
        "",
    ),
}
MAKEFILE = """
all: slow quick
slow:
\t@python3 -c 'import time; time.sleep(0.3)'; echo slow >> raced
quick:
\t@echo quick >> raced
"""


def build_script() -> str:
    lines = [
        "set -e",
        "mkdir -p out",
        "printf 'const char *when = __DATE__; const char *path = __FILE__;' > path.c",
        "env -u SOURCE_DATE_EPOCH gcc -c -o dated path.c",
        'gcc -g -c -o pathed "$PWD/path.c"',
        "make -s",
        "echo always the same > out/clean",
    ]
    lines += [f"({how}) > out/{name}" for name, (how, _causes, _word) in FAULTS.items()]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("source")
    (place / "build.sh").write_text(build_script())
    (place / "Makefile").write_text(MAKEFILE)
    (place / "names").mkdir()
    for name in ("three", "one", "two", "four"):
        (place / "names" / name).touch()
    for name in ("b.txt", "A.txt", "a.txt", "B.txt", "ç.txt", "d.txt", "I.txt"):
        (place / name).touch()
    return place


@pytest.fixture(scope="module")
def found(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    requires("compiler")
    tools = tmp_path_factory.mktemp("tools")
    for name in ("one", "two"):
        (tools / name).mkdir()
        (tools / name / "compiler").write_text(f"#!/bin/sh\necho compiler {name}\n")
        (tools / name / "compiler").chmod(0o755)
    return command.check_command(
        ["sh", "build.sh"],
        source=str(source),
        outputs=["out"],
        env={"PATH": "/opt/one:/opt/two:/usr/bin:/bin"},
        volume=[f"{tools}/one:/opt/one:ro", f"{tools}/two:/opt/two:ro"],
        diffoscope=False,
    )


@pytest.fixture
def checked(wardian: Wardian) -> Wardian:
    """Run `wardian repro check`; the locale, which takes a second to compile, is kept for all."""

    def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        shared = {"WARDIAN_ROOT": os.environ["WARDIAN_ROOT"]}
        return wardian("repro", "check", *words, env=shared, **more)

    return run


def difference(found: dict[str, Any], name: str) -> dict[str, Any]:
    rows = [row for row in found["differences"] if row["path"] == f"out/{name}"]
    assert rows, f"out/{name} was not found to differ: {found['not_varied']}"
    return dict(rows[0])


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_blamed_on_what_causes_it(found: dict[str, Any], name: str) -> None:
    row = difference(found, name)
    _how, causes, word = FAULTS[name]
    assert {"+".join(names) for names in row["causes"]} == causes
    assert row["by_itself"] == (not causes)
    assert word in " ".join(row["reasons"]), row["reasons"]


def test_what_is_the_same_is_not_reported(found: dict[str, Any]) -> None:
    assert found["same"] == ["out/clean"]
    assert {row["path"] for row in found["differences"]} == {f"out/{name}" for name in FAULTS}


def test_everything_is_varied_on_this_machine(found: dict[str, Any]) -> None:
    assert found["not_varied"] == {}
    assert len(found["varied"]) == 21


def test_the_bytes_that_differ_are_shown(found: dict[str, Any]) -> None:
    (place,) = difference(found, "binary_time")["places"]
    assert (place["what"], place["offset"]) == ("bytes", 4)
    assert place["count"] <= 4
    assert place["diff"][0].startswith("-00000000  48 45 41 44")


def test_a_packed_file_s_mode_is_named_with_the_member(found: dict[str, Any]) -> None:
    (place,) = difference(found, "packed_modes")["places"]
    assert (place["where"], place["what"]) == ("packed", "mode")
    assert place["diff"] == ["-mode 0644", "+mode 0600"]


def test_the_command_line_says_it_with_its_exit_code(checked: Wardian, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    same = checked("--", "sh", "-c", "echo same > out", cwd=tmp_path)
    assert (same.returncode, same.stderr) == (0, "")
    assert "1 output is the same bit for bit, with 21 variations (2 runs)" in same.stdout
    differs = checked("--", "sh", "-c", "uname -n > out", cwd=tmp_path)
    assert differs.returncode == 1
    assert "cause:  host_name\n" in differs.stdout
    assert not (tmp_path / "out").exists()


def test_what_a_command_prints_is_compared_where_it_makes_nothing(
    checked: Wardian, tmp_path: Path
) -> None:
    done = checked("--json", "--", "sh", "-c", "echo $TZ", cwd=tmp_path)
    (row,) = json.loads(done.stdout)["differences"]
    assert (row["path"], row["causes"]) == ("(standard output)", [["time_zone"]])


def test_a_build_that_fails_only_in_a_varied_world_is_a_difference(
    checked: Wardian, tmp_path: Path
) -> None:
    script = "[ $(id -u) = 0 ] && echo done > out"
    done = checked("--json", "--", "sh", "-c", script, cwd=tmp_path)
    rows = {row["path"]: row["causes"] for row in json.loads(done.stdout)["differences"]}
    assert rows == {"(exit code)": [["user"]], "out": [["user"]]}


def test_a_build_that_fails_anyway_is_told_with_what_it_said(
    checked: Wardian, tmp_path: Path
) -> None:
    done = checked("--", "ls", "no-such-file", cwd=tmp_path)
    assert done.returncode == 125
    assert "fails in the canonical environment, with exit code 2: ls: cannot" in done.stderr


def test_only_what_is_asked_for_is_varied(checked: Wardian, tmp_path: Path) -> None:
    only = ("--vary", "umask,-home", "--vary", "timezone")
    done = checked(*only, "--json", "--", "uname", "-n", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["reproducible"]
    assert [one["name"] for one in document["varied"]] == ["time_zone", "umask"]
    assert document["not_varied"]["host_name"] == "not asked for"


def test_a_variation_that_is_not_there_is_refused_by_name(checked: Wardian, tmp_path: Path) -> None:
    done = checked("--vary", "moon", "--", "true", cwd=tmp_path)
    assert done.returncode == 125
    assert 'vary "moon": there is no such' in done.stderr


def test_an_output_outside_of_the_source_is_refused(checked: Wardian, tmp_path: Path) -> None:
    done = checked("--output", "../x", "--", "true", cwd=tmp_path)
    assert done.returncode == 125
    assert 'output "../x": not below the source' in done.stderr


def test_an_output_that_nobody_makes_is_refused(checked: Wardian, tmp_path: Path) -> None:
    done = checked("--output", "made", "--", "true", cwd=tmp_path)
    assert done.returncode == 125
    assert 'output "made": the command makes no such file' in done.stderr


def test_nothing_is_left_of_a_check_that_was_killed(checked: Wardian, tmp_path: Path) -> None:
    place, source = tmp_path / "work", tmp_path / "source"
    place.mkdir()
    source.mkdir()
    at = f"{place}/wardian-repro-{os.getuid()}"
    argv = ["--workspace", str(place), "--"]
    left = Path(at) / "run-1-dead"
    left.mkdir(parents=True)
    (left / "file").touch()
    done = checked(*argv, "true", cwd=source)
    assert done.returncode == 0, done.stderr
    assert os.listdir(place) == []


def test_copies_are_not_made_in_the_source_itself(checked: Wardian, tmp_path: Path) -> None:
    done = checked("--workspace", str(tmp_path), "--", "true", cwd=tmp_path)
    assert done.returncode == 125
    assert "where copies of it are made" in done.stderr


def test_a_page_for_browsers_shows_hostile_names_harmlessly(
    checked: Wardian, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    script = "date > '<script>alert(1)<'; printf '\\033[2J</pre><script>' > x; date >> x"
    done = checked("--html", str(page), "--", "sh", "-c", script, cwd=tmp_path)
    assert done.returncode == 1
    assert "\033" not in done.stdout
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;" in text
    assert "\033" not in text


def test_an_ordinary_user_varies_all_that_root_does(ordinary_user: Any) -> None:
    script = "id -u > user; umask > mode; ls -U names > order"
    setup = "mkdir -p w/names; cd w; touch names/b names/a"
    check = f"wardian repro check --json --no-diffoscope -- sh -c '{script}'"
    done = ordinary_user.run(["sh", "-c", f"{setup}; {check}"])
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    rows = {row["path"]: row["causes"] for row in document["differences"]}
    assert rows == {"user": [["user"]], "mode": [["umask"]], "order": [["file_order"]]}
    assert document["not_varied"] == {}


def test_an_ordinary_user_s_source_may_have_thousands_of_files(ordinary_user: Any) -> None:
    make = "mkdir -p many; cd many; seq 3000 | sed 's/$/-has-a-name-of-many-letters/' | xargs touch"
    check = (
        "wardian repro check --no-diffoscope --vary umask -- sh -c 'ls *-letters | wc -l > count'"
    )
    done = ordinary_user.run(["sh", "-c", f"{make}; {check}"])
    assert done.returncode == 0, done.stderr
    assert "reproducible" in done.stdout


def test_a_box_on_an_image_s_root_is_varied_too(
    checked: Wardian, busybox_root: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    words = ("--rootfs", str(busybox_root), "--source", str(source), "--json", "--no-diffoscope")
    done = checked(*words, "--", "sh", "-c", "uname -n > out")
    document = json.loads(done.stdout)
    assert [row["causes"] for row in document["differences"]] == [[["host_name"]]]
    assert "no effect in this box" in document["not_varied"]["time"]  # busybox is static


def test_diffoscope_adds_its_view_where_it_is_installed(tmp_path: Path) -> None:
    if subprocess.run(["which", "diffoscope"], capture_output=True, check=False).returncode:
        missing("Debian's diffoscope-minimal")
    found = command.check_command(["sh", "-c", "uname -n > out"], source=str(tmp_path))
    assert "varied-host" in found["differences"][0]["diffoscope"]
