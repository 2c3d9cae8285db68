"""Story: an image of what a program truly needs, which runs, and is the same each time."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Wardian
from tests.machine import missing, requires
from tests.users import User

pytestmark = pytest.mark.slow

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'


def packed(wardian: Wardian, *args: str, env: dict[str, str] | None = None) -> dict[str, object]:
    done = wardian("pack", "--json", "--compression", "none", *args, env=env, timeout_s=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def paths(found: dict[str, object], kind: str = "file") -> dict[str, list[str]]:
    rows = found["rows"]
    assert isinstance(rows, list)
    return {row["path"]: row["reasons"] for row in rows if row["kind"] == kind}


def compiled(tmp_path: Path, *options: str, source: str = HELLO) -> Path:
    requires("compiler")
    (tmp_path / "hello.c").write_text(source)
    target = tmp_path / "hello"
    subprocess.run(["cc", "-o", target, tmp_path / "hello.c", *options], check=True)
    return target


# ---- the smallest, and the usual -----------------------------------------------------------------


@pytest.mark.root
def test_a_static_program_is_one_file_in_the_image(wardian: Wardian) -> None:
    requires("busybox")
    found = packed(wardian, "-t", "bb:1", "--program", f"{shutil.which('busybox')}:/busybox")
    assert paths(found) == {"/busybox": ["asked for"]}
    assert len(found["rows"]) == 1  # type: ignore[arg-type]
    done = wardian("run", "bb:1", "echo", "alone")
    assert (done.returncode, done.stdout) == (0, "alone\n"), done.stderr


@pytest.mark.root
def test_one_program_may_have_several_places(wardian: Wardian) -> None:
    requires("busybox")
    here = os.path.realpath(str(shutil.which("busybox")))
    one, other = "/a/busybox", "/b/busybox"
    for more, places in (((), [one, other]), (("--program", here), [one, other, here])):
        words = ("--program", f"{here}:{one}", "--program", f"{here}:{other}", *more)
        found = packed(wardian, "-t", "several", *words)
        assert sorted(paths(found)) == places
    done = wardian("run", "--entrypoint", other, "several", "echo", "both")
    assert done.stdout == "both\n"


@pytest.mark.root
def test_a_dynamic_program_comes_with_its_libraries_and_runs(wardian: Wardian) -> None:
    found = packed(wardian, "-t", "find:1", "--program", "find")
    reasons = paths(found)
    assert reasons["/usr/bin/find"] == ["asked for"]
    libc = next(path for path in reasons if path.endswith("/libc.so.6"))
    assert reasons[libc] == ["library of /usr/bin/find"]
    assert any(why == ["loader of /usr/bin/find"] for why in reasons.values())
    done = wardian("run", "find:1", "/", "-xdev", "-type", "f")
    assert set(done.stdout.split()) == set(reasons), done.stderr


@pytest.mark.root
def test_accounts_are_the_image_s_own(wardian: Wardian) -> None:
    packed(wardian, "-t", "id:1", "--program", "id")
    done = wardian("run", "--user", "nobody", "id:1", "-un")
    assert done.stdout == "nobody\n", done.stderr
    done = wardian("run", "id:1", "daemon")
    assert done.returncode != 0


@pytest.mark.root
def test_a_library_beside_the_program_is_found_there(wardian: Wardian, tmp_path: Path) -> None:
    requires("compiler")
    (tmp_path / "lib").mkdir()
    (tmp_path / "own.c").write_text("int own(void) { return 42; }\n")
    library = tmp_path / "lib" / "libown.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "own.c"], check=True)
    source = '#include <stdio.h>\nint own(void);\nint main(void) { printf("%d\\n", own()); }\n'
    program = compiled(
        tmp_path, f"-L{tmp_path}/lib", "-lown", "-Wl,-rpath,$ORIGIN/lib", source=source
    )
    found = packed(wardian, "-t", "own:1", "--program", str(program))
    assert paths(found)[str(library)] == [f"library of {program}"]
    assert wardian("run", "own:1").stdout == "42\n"
    done = wardian("pack", "--program", f"{program}:/hello")
    assert done.returncode != 0
    assert "beside itself ($ORIGIN)" in done.stderr
    library.unlink()
    done = wardian("pack", "--program", str(program))
    assert f'library "libown.so" of "{program}": not found' in done.stderr


# ---- the same each time --------------------------------------------------------------------------


def test_packing_twice_gives_the_same_image(wardian: Wardian) -> None:
    first = packed(wardian, "--program", "find", "-e", "LANG=C.UTF-8")
    again = packed(wardian, "--program", "find", "-e", "LANG=C.UTF-8")
    assert first["digest"] == again["digest"]
    assert first["diff_id"] == again["diff_id"]


def test_umask_owner_and_times_of_the_file_make_no_difference(
    wardian: Wardian, tmp_path: Path
) -> None:
    requires("root", "busybox")
    digests = set()
    for number, (mode, owner, when) in enumerate([(0o755, 0, 10**9), (0o775, 1000, 2 * 10**9)]):
        program = tmp_path / f"p{number}"
        shutil.copy(str(shutil.which("busybox")), program)
        os.chmod(program, mode)
        os.chown(program, owner, owner)
        os.utime(program, (when, when))
        epoch = {"SOURCE_DATE_EPOCH": "900000000"}
        digests.add(packed(wardian, "--program", f"{program}:/app", env=epoch)["digest"])
    assert len(digests) == 1


def test_the_image_tells_its_date_only_where_it_was_given(wardian: Wardian) -> None:
    requires("busybox")
    busybox = str(shutil.which("busybox"))
    plain = packed(wardian, "-t", "plain:1", "--program", busybox)
    dated = packed(
        wardian, "-t", "dated:1", "--program", busybox, env={"SOURCE_DATE_EPOCH": "86400"}
    )
    assert plain["digest"] != dated["digest"]
    assert "created" not in json.loads(wardian("inspect", "plain:1").stdout)[0].get("config", {})
    assert "1970-01-02T00:00:00Z" in wardian("inspect", "dated:1").stdout


# ---- scripts -------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_python_script_comes_with_the_modules_that_it_imports(
    wardian: Wardian, tmp_path: Path
) -> None:
    if not Path("/usr/bin/python3").exists():
        missing("Debian's python3")
    script = tmp_path / "job.py"
    script.write_text(
        "#!/usr/bin/env python3\n"
        "def late():\n    import decimal, ssl\n"
        "    return decimal.Decimal('1.1') + len(ssl.__name__)\n"
        "print(late(), 'ü')\n"
    )
    script.chmod(0o755)
    found = packed(wardian, "-t", "py:1", "--program", f"{script}:/usr/local/bin/job.py")
    reasons = paths(found)
    assert any("import ssl, from" in why for row in reasons.values() for why in row)
    assert any("/libssl.so" in path for path in reasons)
    assert not any("/tkinter/" in path for path in reasons)
    assert wardian("run", "-e", "LANG=C.UTF-8", "py:1").stdout == "4.1 ü\n"


@pytest.mark.root
def test_a_namespace_package_comes_with_what_is_imported_of_it(
    wardian: Wardian, tmp_path: Path
) -> None:
    if not Path("/usr/bin/python3").exists():
        missing("Debian's python3")
    (tmp_path / "spaced/inner").mkdir(parents=True)  # no __init__.py in either (PEP 420)
    (tmp_path / "spaced/inner/far.py").write_text("VALUE = 5\n")
    (tmp_path / "spaced/near.py").write_text("VALUE = 1\n")
    script = tmp_path / "job"
    script.write_text(
        "#!/usr/bin/python3\nimport spaced.inner.far, spaced.near\n"
        "print(spaced.inner.far.VALUE + spaced.near.VALUE)\n"
    )
    script.chmod(0o755)
    packed(wardian, "-t", "spaced:1", "--program", str(script))
    assert wardian("run", "spaced:1").stdout == "6\n"


@pytest.mark.root
def test_a_perl_script_comes_with_its_modules_and_their_code(
    wardian: Wardian, tmp_path: Path
) -> None:
    if not Path("/usr/bin/perl").exists():
        missing("Debian's perl-base")
    script = tmp_path / "job.pl"
    script.write_text(
        "#!/usr/bin/perl -w\nuse strict; use POSIX qw(floor);\nuse List::Util 'sum';\n"
        "print floor(2.7) + sum(1, 2), qq(\\n);\n"
    )
    script.chmod(0o755)
    packed(wardian, "-t", "pl:1", "--program", f"{script}:/job")
    assert wardian("run", "pl:1").stdout == "5\n"


@pytest.mark.root
def test_a_shell_script_comes_with_the_programs_that_it_calls(
    wardian: Wardian, tmp_path: Path
) -> None:
    script = tmp_path / "job"
    script.write_text(
        "#!/bin/sh\n# grep is only a word here\nset -e\n"
        "say() { printf '%s\\n' \"$1\"; }\n"
        'n=$(printf "b\\na\\n" | LC_ALL=C sort | head -n 1)\nsay "$n"\n'
    )
    script.chmod(0o755)
    found = packed(wardian, "-t", "sh:1", "--program", f"{script}:/job")
    assert {"/usr/bin/sort", "/usr/bin/head"} <= set(paths(found))
    assert "/usr/bin/grep" not in paths(found)
    assert wardian("run", "sh:1").stdout == "a\n"


# ---- by trace ------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_traced_command_s_image_runs_it_again(wardian: Wardian, tmp_path: Path) -> None:
    requires("libseccomp")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "used").write_text("read me\n")
    (tmp_path / "data" / "unused").write_text("no\n")
    (tmp_path / "data" / "secret").write_text("no\n")
    os.chmod(tmp_path / "data" / "secret", 0o600)
    command = ["sh", "-c", "cat /data/used; cat /data/secret >/dev/null; ls -d /data; echo x >/o"]
    found = packed(
        wardian, "-t", "t:1", "-v", f"{tmp_path}/data:/data:ro", "--trace", "--", *command
    )
    reasons = paths(found)
    assert reasons["/data/used"] == ["opened by /usr/bin/cat"]
    assert not {"/data/unused", "/data/secret", "/o"} & set(reasons)
    assert any("/data/secret" in note for note in found["notes"])  # type: ignore[attr-defined]
    done = wardian("run", "t:1")
    assert done.stdout == "read me\n/data\n", done.stderr


@pytest.mark.root
def test_tracing_twice_gives_the_same_image(wardian: Wardian) -> None:
    requires("libseccomp")
    code = "import json, decimal; print(json.dumps([str(decimal.Decimal(1))]))"
    if not Path("/usr/bin/python3").exists():
        missing("Debian's python3")
    first = packed(wardian, "-t", "t:2", "--trace", "--", "/usr/bin/python3", "-c", code)
    again = packed(wardian, "--trace", "--", "/usr/bin/python3", "-c", code)
    assert first["digest"] == again["digest"]
    done = wardian("run", "t:2")
    assert (done.stdout, done.stderr) == ('["1"]\n', "")


@pytest.mark.rootless
def test_an_ordinary_user_packs_programs_and_traces_as_root_does(
    ordinary_user: User, wardian: Wardian
) -> None:
    words = ["-t", "find:1", "--program", "find"]
    done = ordinary_user.wardian(["pack", "--json", "--compression", "none", *words])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == packed(wardian, *words)["digest"]
    done = ordinary_user.wardian(["run", "find:1", "/usr/bin", "-type", "f"])
    assert done.stdout == "/usr/bin/find\n", done.stderr
    requires("libseccomp")
    for words in (
        ["--trace", "--", "sh", "-c", "cat /etc/hostname; ls -L /usr/share/perl5"],
        ["--user", "1000:1000", "--trace", "--", "/usr/bin/perl", "-MText::Wrap", "-e", "1"],
    ):
        done = ordinary_user.wardian(["pack", "--json", "--compression", "none", *words])
        assert done.returncode == 0, done.stderr
        mine, roots = json.loads(done.stdout), packed(wardian, *words)
        assert paths(mine) == paths(roots)
        assert mine["digest"] == roots["digest"]


# ---- environments and packages -------------------------------------------------------------------


def python_with_pip() -> None:
    words = [sys.executable, "-m", "pip", "--version"]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        missing("pip")


@pytest.fixture
def wheel(tmp_path: Path) -> tuple[Path, str]:
    """A package's file of our own, and its hash."""
    import hashlib
    import zipfile

    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    files = {
        "tiny.py": "def main():\n    print('tiny', {'b', 'a'} == {'a', 'b'})\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        "tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    }
    record = "".join(f"{name},,\n" for name in files) + "tiny-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "tiny-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.root
def test_hashed_requirements_become_an_environment(
    wardian: Wardian, tmp_path: Path, wheel: tuple[Path, str]
) -> None:
    python_with_pip()
    path, digest = wheel
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"tiny @ file://{path} --hash=sha256:{digest}\n")
    first = packed(wardian, "-t", "env:1", "--requirements", str(requirements))
    sources: Any = first["sources"]
    (source,) = sources
    assert (source["name"], source["version"], source["sha256"]) == ("tiny", "1.0", digest)
    done = wardian("run", "--entrypoint", "/opt/venv/bin/tiny", "env:1")
    assert done.stdout == "tiny True\n", done.stderr
    assert packed(wardian, "--requirements", str(requirements))["digest"] == first["digest"]
    requirements.write_text(f"tiny @ file://{path} --hash=sha256:{'0' * 64}\n")
    done = wardian("pack", "--requirements", str(requirements))
    assert done.returncode != 0
    assert "HASHES" in done.stderr
    requirements.write_text("tiny\n")
    done = wardian("pack", "--requirements", str(requirements))
    assert "no line has --hash=sha256" in done.stderr


@pytest.mark.root
def test_a_venv_is_packed_with_its_interpreter(wardian: Wardian, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (venv / "bin" / "activate").unlink()
    packages = next(venv.glob("lib/python*/site-packages"))
    (packages / "ours.py").write_text("import zlib\nprint(zlib.crc32(b'a'))\n")
    found = packed(wardian, "-t", "venv:1", "--venv", str(venv))
    assert any("compiled" in why[0] for why in paths(found).values() if why)
    done = wardian("run", "venv:1", "-m", "ours")
    assert done.stdout == "3904355907\n", done.stderr
    assert "is no venv" in wardian("pack", "--venv", str(tmp_path)).stderr


@pytest.mark.root
def test_a_debian_package_comes_with_what_it_depends_on(wardian: Wardian) -> None:
    requires("apt")
    first = packed(wardian, "-t", "deb:1", "--debian", "hello", "--entrypoint", "/usr/bin/hello")
    names = {source["name"]: source for source in first["sources"]}  # type: ignore[attr-defined]
    assert {"hello", "libc6"} <= set(names)
    assert all(len(source["sha256"]) == 64 for source in names.values())
    assert wardian("run", "deb:1").stdout == "Hello, world!\n"
    version = names["hello"]["version"]
    again = packed(wardian, "--debian", f"hello={version}", "--entrypoint", "/usr/bin/hello")
    assert again["digest"] == first["digest"]
    assert "io.wardian.pack.sources" in wardian("inspect", "deb:1").stdout
    done = wardian("pack", "--debian", "hello=0.0.1")
    assert "Version '0.0.1' for 'hello' was not found" in done.stderr
    assert "must be PACKAGE" in wardian("pack", "--debian", "a;b").stderr


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to pack"),
        (["--program", "no-such-program"], 'program "no-such-program": not found'),
        (["--program", "find:relative"], 'its place "relative" is not absolute'),
        (["--trace"], "--trace and a command go together"),
        (["--", "true"], "--trace and a command go together"),
        (["--program", "find", "--env", "HOME"], "must be NAME=VALUE"),
        (["--program", "find", "--env", "LANG=xx_XX.UTF-8"], 'locale "xx_XX.UTF-8"'),
        (["--program", "find", "--env", "TZ=Moon/Base"], 'time zone "Moon/Base"'),
        (["--program", "find", "--entrypoint", "[1]"], "an array of strings"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    wardian: Wardian, words: list[str], message: str
) -> None:
    done = wardian("pack", *words)
    assert done.returncode in (1, 125)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_program_is_refused_and_a_lacking_interpreter_has_an_asker(
    wardian: Wardian, tmp_path: Path
) -> None:
    text, script = tmp_path / "text", tmp_path / "script"
    text.write_text("int main;\n")
    script.write_text("#!/usr/bin/env no-such-interpreter\n")
    done = wardian("pack", "--program", str(text))
    assert f'"{text}" is no program' in done.stderr
    done = wardian("pack", "--program", str(script))
    assert f'interpreter of "{script}": program "no-such-interpreter": not found' in done.stderr


def test_a_broken_program_is_named(wardian: Wardian, tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fELF" + b"\xff" * 100)
    program.chmod(stat.S_IRWXU)
    done = wardian("pack", "--program", str(program))
    assert "is a broken ELF file" in done.stderr
    script = tmp_path / "bad.py"
    script.write_text("#!/usr/bin/python3\nprint(\n")
    script.chmod(0o755)
    done = wardian("pack", "--program", str(script))
    assert f"{script}:2" in done.stderr
