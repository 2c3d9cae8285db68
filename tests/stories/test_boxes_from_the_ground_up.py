"""A static program alone, a dynamic one with just what it needs, scripts by their #! line."""

import shutil
from pathlib import Path

import pytest

import wardian

pytestmark = pytest.mark.root


def test_a_static_program_alone_in_an_empty_root() -> None:
    busybox = shutil.which("busybox") or "/bin/busybox"
    result = wardian.run([busybox, "find", "/", "-xdev"], scratch=True, closure=[busybox])
    found = set(result.stdout.decode().split())
    assert busybox in found, result.stderr
    files = {path for path in found if not path.startswith(("/proc", "/dev", "/sys"))}
    assert files == {"/", *map(str, Path(busybox).parents), busybox}


def test_a_dynamic_program_with_its_libraries_and_loader() -> None:
    result = wardian.run(["/bin/ls", "-R", "/lib64"], scratch=True, closure=["/bin/ls"])
    assert result.exit_code == 0, result.stderr
    assert b"ld-linux" in result.stdout


def test_nothing_is_copied_the_files_are_the_host_s_and_read_only() -> None:
    script = "stat -c %i /bin/ls; echo x > /bin/ls"
    programs = ["/bin/ls", "/bin/sh", "/usr/bin/stat"]
    result = wardian.run(["/bin/sh", "-c", script], scratch=True, closure=programs)
    assert int(result.stdout) == Path("/bin/ls").stat().st_ino, result.stderr
    assert b"ead-only" in result.stderr


def test_a_script_brings_its_interpreter(tmp_path: Path) -> None:
    script = tmp_path / "hello"
    script.write_text("#!/bin/sh\necho hello from $0\n")
    script.chmod(0o755)
    result = wardian.run([str(script)], scratch=True, closure=[str(script)])
    assert result.stdout == f"hello from {script}\n".encode(), result.stderr


def test_a_python_script_through_env(tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text("#!/usr/bin/env sh\necho through env\n")
    script.chmod(0o755)
    result = wardian.run([str(script)], scratch=True, closure=[str(script)])
    assert result.stdout == b"through env\n", result.stderr
