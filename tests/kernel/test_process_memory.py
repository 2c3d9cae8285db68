"""The memory and the descriptors of a process of another id, by who made its user namespace."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import requires
from wardian.kernel import process_memory

CHILD = (
    "import ctypes, os, sys; b = ctypes.create_string_buffer(b'a word'); "
    "fd = os.open(sys.argv[1], os.O_RDONLY); "
    "print(ctypes.addressof(b), fd, flush=True); sys.stdin.read()"
)
LOOK = f"""
import os, subprocess, sys
from wardian.kernel import idmap, process_memory
child = subprocess.Popen(
    ["unshare", "--user", "sh", "-c", "echo; read x; exec setpriv --reuid 1000 --regid 1000 "
     "--clear-groups python3 -c \\"$0\\" /", {CHILD!r}], stdin=-1, stdout=-1, text=True)
child.stdout.readline()
idmap.write_maps(child.pid, idmap.rootless_maps(os.geteuid(), os.getegid()))
child.stdin.write("\\n"); child.stdin.flush()
address, fd = map(int, child.stdout.readline().split())
try:
    open(f"/proc/{{child.pid}}/mem")
except PermissionError:
    print("not by /proc")
print(process_memory.read(child.pid, address, 6), process_memory.descriptor_path(child.pid, fd))
child.communicate()
"""


def test_memory_and_descriptors_of_a_child() -> None:
    command = [sys.executable, "-c", CHILD, "/usr"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as child:
        assert child.stdout
        address, fd = map(int, child.stdout.readline().split())
        assert process_memory.read(child.pid, address, 6) == b"a word"
        assert process_memory.read(child.pid, 4096, 6) == b""
        assert process_memory.descriptor_path(child.pid, fd) == "/usr"
        child.communicate()


def test_of_a_process_that_has_ended() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    buffer = ctypes.create_string_buffer(b"x")
    with pytest.raises(ProcessLookupError):
        process_memory.read(child.pid, ctypes.addressof(buffer), 1)
    with pytest.raises(OSError, match=r"descriptor|process|directory|argument"):
        process_memory.descriptor_path(child.pid, 0)


@pytest.mark.rootless
def test_of_another_id_below_an_ordinary_user(ordinary_user: Any) -> None:
    requires("newuidmap")
    if not Path("/usr/bin/setpriv").exists():
        pytest.skip("needs setpriv, from Debian's util-linux")
    done = ordinary_user.python(LOOK)
    assert done.stdout == "not by /proc\nb'a word' /\n", done.stderr
    assert os.geteuid() == 0
