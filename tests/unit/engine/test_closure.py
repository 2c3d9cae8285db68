"""The closure of a program is what its loader would load; the loader itself is the oracle."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.kernel.elf_files import build, cache_file
from wardian import errors
from wardian.engine import closure
from wardian.kernel import elf

LOADER = b"/lib64/ld.so"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with a loader that looks into /lib and /usr/lib."""
    put(tmp_path, "lib64/ld.so", build(interpreter=b"", names=()) + b"/lib/\0/usr/lib/\0")
    return tmp_path


def put(root: Path, name: str, data: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755)


def program(
    *needed: bytes,
    runpath: bytes = b"",
    rpath: bytes = b"",
    names: tuple[tuple[int, bytes], ...] = (),
    machine: int = 62,
) -> bytes:
    rows = [*names, *((elf.DT_NEEDED, name) for name in needed)]
    rows += [(elf.DT_RUNPATH, runpath)] if runpath else []
    rows += [(elf.DT_RPATH, rpath)] if rpath else []
    return build(interpreter=LOADER, names=tuple(rows), machine=machine)


def library(*needed: bytes, soname: bytes = b"", machine: int = 62) -> bytes:
    return program(*needed, names=((elf.DT_SONAME, soname),) if soname else (), machine=machine)


def find(root: Path, name: str = "/bin/p") -> set[str]:
    """Return the paths that a program needs, but for itself and its loader."""
    found = closure.closure(name, sysroot=str(root))
    for path, source in found.binds:
        assert source.startswith(f"{root}/")
        assert os.path.isfile(source), path
    paths = {path for path, _source in found.binds}
    assert {name, "/lib64/ld.so"} <= paths
    return paths - {name, "/lib64/ld.so"}


# ---- this machine -------------------------------------------------------------------------


def loaded(path: str) -> set[str] | None:
    """Return the files that the loader would load, asked with --list."""
    found = elf.read(path)
    if found is None or not found.interpreter:
        return None
    run = subprocess.run(
        [found.interpreter, "--list", path], capture_output=True, text=True, check=False, env={}
    )
    if run.returncode:
        return None
    files = set()
    for line in run.stdout.splitlines():
        words = line.split()
        name = words[2] if "=>" in words and len(words) > 2 else words[0]
        if name.startswith("/"):
            files.add(os.path.realpath(name))
    return files


@pytest.mark.slow
def test_the_closure_agrees_with_the_loader_for_programs_of_this_machine() -> None:
    names = [f"/usr/bin/{name}" for name in sorted(os.listdir("/usr/bin"))]
    names = [path for path in names if os.path.isfile(path) and elf.machine(path)]
    compared = 0
    for path in names[:: max(1, len(names) // 45)]:
        wanted = loaded(path)
        if wanted is None:
            continue
        found = closure.closure(path)
        files = {source for _path, source in found.files}
        ignored = {source for source in files if "/glibc-hwcaps/" in source}
        ignored |= {os.path.realpath(closure.CACHE), os.path.realpath(path)}
        assert files - ignored == wanted - {os.path.realpath(path)} - ignored, path
        compared += 1
    assert compared >= 30


def test_files_and_links_are_a_part_of_the_tree() -> None:
    found = closure.closure("/bin/sh")
    links = dict(found.links)
    for path, source in found.files:
        assert path == source == os.path.realpath(path)
    for path, target in links.items():
        assert os.readlink(path) == target
    assert found.programs == ["/bin/sh"]


def test_a_name_is_looked_up_in_the_path() -> None:
    assert closure.closure("env").programs[0].endswith("/env")
    with pytest.raises(errors.NotFoundError, match="no-such-program"):
        closure.closure("no-such-program")
    with pytest.raises(errors.NotFoundError, match="no such file"):
        closure.closure("/no/such/program")
    with pytest.raises(errors.UsageError, match="neither a name nor an absolute path"):
        closure.closure("./here")


# ---- made-up machines ---------------------------------------------------------------------


def test_libraries_come_with_what_they_need(root: Path) -> None:
    put(root, "bin/p", program(b"liba.so"))
    put(root, "lib/liba.so", library(b"libb.so"))
    put(root, "usr/lib/libb.so", library(b"liba.so"))
    assert find(root) == {"/lib/liba.so", "/usr/lib/libb.so"}


def test_a_library_of_another_machine_is_passed_over(root: Path) -> None:
    put(root, "bin/p", program(b"liba.so"))
    put(root, "lib/liba.so", library(machine=3))
    put(root, "usr/lib/liba.so", library())
    assert find(root) == {"/usr/lib/liba.so"}


def test_a_missing_library_is_named(root: Path) -> None:
    put(root, "bin/p", program(b"liba.so"))
    with pytest.raises(errors.NotFoundError, match=r'library "liba\.so" of "/bin/p": not found'):
        find(root)


def test_a_library_that_it_can_do_without_may_lack(root: Path) -> None:
    put(root, "bin/p", program(names=((elf.DT_AUXILIARY, b"libaux.so"),)))
    assert find(root) == set()


def test_runpath_is_its_own_and_rpath_is_inherited(root: Path) -> None:
    put(root, "opt/libb.so", library())
    put(root, "opt/liba.so", library(b"libb.so"))
    put(root, "bin/p", program(b"liba.so", rpath=b"/opt"))
    assert find(root) == {"/opt/liba.so", "/opt/libb.so"}
    put(root, "bin/p", program(b"liba.so", runpath=b"/opt"))
    with pytest.raises(errors.NotFoundError, match="libb"):
        find(root)
    put(root, "bin/p", program(b"liba.so", runpath=b"/opt", rpath=b"/opt"))
    with pytest.raises(errors.NotFoundError, match="libb"):
        find(root)


@pytest.mark.parametrize("runpath", [b"$ORIGIN/../lib/p", b"/x:${ORIGIN}/../lib/p/", b"/$LIB/p"])
def test_tokens_are_replaced(root: Path, runpath: bytes) -> None:
    put(root, "opt/bin/real", program(b"liba.so", runpath=runpath))
    put(root, "opt/lib/p/liba.so", library())
    put(root, "lib64/p/liba.so", library())
    (root / "bin").mkdir()
    (root / "bin/p").symlink_to("../opt/bin/real")
    assert len(find(root)) == 1


def test_a_name_with_a_slash_is_a_path(root: Path) -> None:
    put(root, "bin/p", program(b"/opt/x/liba.so", b"$ORIGIN/libb.so"))
    put(root, "opt/x/liba.so", library())
    put(root, "bin/libb.so", library())
    assert find(root) == {"/opt/x/liba.so", "/bin/libb.so"}


def test_a_name_that_was_loaded_as_another_file_is_known(root: Path) -> None:
    put(root, "bin/p", program(b"/opt/liba-1.so", b"liba.so"))
    put(root, "opt/liba-1.so", library(soname=b"liba.so"))
    assert find(root) == {"/opt/liba-1.so"}


def test_the_cache_comes_along_only_where_nothing_else_finds_the_library(root: Path) -> None:
    put(root, "opt/liba.so", library())
    put(root, "lib/libb.so", library())
    put(
        root,
        "etc/ld.so.cache",
        cache_file([(b"liba.so", b"/opt/liba.so"), (b"libb.so", b"/lib/libb.so")]),
    )
    put(root, "bin/p", program(b"libb.so"))
    assert find(root) == {"/lib/libb.so"}
    put(root, "bin/p", program(b"liba.so", b"libb.so"))
    assert find(root) == {"/lib/libb.so", "/opt/liba.so", "/etc/ld.so.cache"}


def test_a_broken_cache_is_passed_over_as_the_loader_does(root: Path) -> None:
    put(root, "etc/ld.so.cache", b"glibc-ld.so.cache1.1" + b"\xff" * 60)
    put(root, "lib/liba.so", library())
    put(root, "bin/p", program(b"liba.so"))
    assert find(root) == {"/lib/liba.so"}


def test_variants_for_other_processors_come_along(root: Path) -> None:
    put(root, "lib/liba.so", library())
    put(root, "lib/glibc-hwcaps/x86-64-v3/liba.so", library(b"libfast.so"))
    put(root, "lib/libfast.so", library())
    put(root, "bin/p", program(b"liba.so"))
    assert find(root) == {
        "/lib/liba.so",
        "/lib/libfast.so",
        "/lib/glibc-hwcaps/x86-64-v3/liba.so",
    }


def test_musl_has_its_own_rules(tmp_path: Path) -> None:
    loader = b"/lib/ld-musl-x86_64.so.1"
    put(tmp_path, "lib/ld-musl-x86_64.so.1", build(interpreter=b"", names=()))
    names = ((elf.DT_NEEDED, b"liba.so"), (elf.DT_NEEDED, b"libc.so"))
    put(tmp_path, "bin/p", build(interpreter=loader, names=names))
    put(tmp_path, "usr/local/lib/liba.so", build(interpreter=b"", names=()))
    found = closure.closure("/bin/p", sysroot=str(tmp_path))
    assert "/usr/local/lib/liba.so" in dict(found.binds)
    put(tmp_path, "etc/ld-musl-x86_64.path", b"/opt/a\n/opt/b:/opt/c\n")
    with pytest.raises(errors.NotFoundError, match="liba"):
        closure.closure("/bin/p", sysroot=str(tmp_path))
    put(tmp_path, "opt/c/liba.so", build(interpreter=b"", names=()))
    paths = dict(closure.closure("/bin/p", sysroot=str(tmp_path)).binds)
    assert {"/opt/c/liba.so", "/etc/ld-musl-x86_64.path"} <= set(paths)


def test_a_static_program_brings_only_itself(tmp_path: Path) -> None:
    put(
        tmp_path,
        "bin/p",
        build(interpreter=b"", names=()),
    )
    found = closure.closure("/bin/p", sysroot=str(tmp_path))
    assert found.binds == found.files == [("/bin/p", f"{tmp_path}/bin/p")]


def test_a_missing_loader_is_named(tmp_path: Path) -> None:
    put(tmp_path, "bin/p", program())
    with pytest.raises(errors.NotFoundError, match=r'loader "/lib64/ld\.so" of "/bin/p"'):
        closure.closure("/bin/p", sysroot=str(tmp_path))


def test_links_never_lead_out_of_the_sysroot(root: Path) -> None:
    put(root, "usr/bin/p", program())
    (root / "bin").symlink_to("/usr/bin")
    (root / "lib").symlink_to("../../../../usr/lib")
    (root / "loop").symlink_to("loop")
    assert find(root) == set()
    found = closure.closure("/bin/p", sysroot=str(root))
    assert ("/bin", "/usr/bin") in found.links
    with pytest.raises(errors.NotFoundError):
        closure.closure("/loop", sysroot=str(root))


# ---- scripts ------------------------------------------------------------------------------


def test_a_script_brings_its_interpreter(root: Path) -> None:
    put(root, "bin/sh", program(b"libc.so.6"))
    put(root, "lib/libc.so.6", library())
    put(root, "bin/p", b"#! /bin/sh -e\necho\n")
    assert find(root) == {"/bin/sh", "/lib/libc.so.6"}


@pytest.mark.parametrize("line", [b"python3", b"-S python3 -u", b"-S X=1 python3", b"-Spython3"])
def test_env_brings_what_it_starts(root: Path, line: bytes) -> None:
    put(root, "usr/bin/env", program())
    put(root, "usr/local/bin/python3", program(b"liba.so"))
    put(root, "lib/liba.so", library())
    put(root, "bin/p", b"#!/usr/bin/env " + line + b"\n")
    assert find(root) == {"/usr/bin/env", "/usr/local/bin/python3", "/lib/liba.so"}


def test_env_without_its_program_is_an_error(root: Path) -> None:
    put(root, "usr/bin/env", program())
    put(root, "bin/p", b"#!/usr/bin/env nothing\n")
    with pytest.raises(errors.NotFoundError, match="nothing"):
        find(root)


def test_scripts_go_as_deep_as_the_kernel_does(root: Path) -> None:
    put(root, "bin/sh", program())
    put(root, "s5", b"#!/bin/sh\n")
    for number in range(4, 0, -1):
        put(root, f"s{number}", b"#!/s%d\n" % (number + 1))
    assert len(find(root, "/s1")) == 5
    put(root, "s0", b"#!/s1\n")
    with pytest.raises(errors.SpecError, match="more than 5 interpreters"):
        find(root, "/s0")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"#!/no/such\n", errors.NotFoundError),
        (b"#!bin/sh\n", errors.SpecError),
        (b"#!\n", errors.SpecError),
        (b"\x7fELFx", errors.SpecError),
    ],
)
def test_a_bad_program_is_one_clear_error(root: Path, text: bytes, kind: type[Exception]) -> None:
    put(root, "bin/p", text)
    with pytest.raises(kind, match="/bin/p"):
        find(root)


def test_two_programs_share_their_libraries(root: Path) -> None:
    put(root, "lib/liba.so", library())
    put(root, "bin/p", program(b"liba.so"))
    put(root, "bin/q", program(b"liba.so"))
    found = closure.closure_of(["/bin/p", "q"], sysroot=str(root))
    assert found.programs == ["/bin/p", "/bin/q"]
    assert [path for path, _source in found.files] == [
        "/bin/p",
        "/bin/q",
        "/lib/liba.so",
        "/lib64/ld.so",
    ]
    assert all(stat.S_ISREG(os.lstat(source).st_mode) for _path, source in found.files)


# ---- who needs what -----------------------------------------------------------------------


def test_each_file_says_who_needs_it(root: Path) -> None:
    put(root, "bin/p", program(b"liba.so"))
    put(root, "lib/liba.so", library(b"libb.so"))
    put(root, "lib/libb.so", library())
    assert closure.closure("/bin/p", sysroot=str(root)).reasons == {
        "/bin/p": ["asked for"],
        "/lib64/ld.so": ["loader of /bin/p"],
        "/lib/liba.so": ["library of /bin/p"],
        "/lib/libb.so": ["library of /lib/liba.so"],
    }


def test_a_missing_library_is_named_with_who_asks_for_it(root: Path) -> None:
    put(root, "bin/p", program(b"liba.so"))
    put(root, "lib/liba.so", library(b"none.so"))
    with pytest.raises(errors.NotFoundError) as caught:
        closure.closure("/bin/p", sysroot=str(root))
    text = 'library "none.so" of "/lib/liba.so", which "/bin/p" needs: not found'
    assert str(caught.value) == text


def test_plug_ins_come_with_their_libraries_and_lack_without_an_error(root: Path) -> None:
    put(root, "bin/p", program())
    put(root, "plug/one.so", program(b"libc1.so", runpath=b"$ORIGIN/own"))
    put(root, "plug/own/libc1.so", library())
    put(root, "plug/two.so", library(b"none.so"))
    put(root, "plug/other.so", library(machine=183))
    plugins = ("/plug/one.so", "/plug/two.so", "/plug/other.so", "/plug/gone.so")
    found = closure.closure_of(["/bin/p"], sysroot=str(root), plugins=plugins)
    assert found.reasons["/plug/one.so"] == ["opened by /bin/p"]
    assert found.reasons["/plug/own/libc1.so"] == ["library of /plug/one.so"]
    assert "/plug/other.so" not in found.reasons
    assert found.missing == ['library "none.so" of "/plug/two.so", which "/bin/p" needs: not found']
