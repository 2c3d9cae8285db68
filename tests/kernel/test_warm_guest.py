"""What a warm interpreter's run has for itself, though its template had it before."""

import os
import subprocess
import sys

import pytest

from tests.habits.project import ROOT

OWN_MEMORY = """
import mmap, os, socket
ours, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 3)
shared = mmap.mmap(-1, 8192)
shared[:5] = b"first"
from wardian.sandbox import warm_guest
places = warm_guest.Template({}, mmap).shared
assert places, open("/proc/self/maps").read()
if os.fork() == 0:
    warm_guest.own_memory(places)
    assert shared[:5] == b"first"
    if os.fork() == 0:
        shared[:5] = b"child"
        os._exit(0)
    os.wait()
    os.write(1, shared[:5])
    os._exit(0)
os.wait()
os.write(1, shared[:5])
"""
# A template's pid in its box, and that of the program in each run.
SAME_PIDS = """
import os
from wardian.sandbox import warm_program
import ctypes, ssl
libc = ctypes.CDLL(None)
def in_namespace(work):
    reader, writer = os.pipe()
    if os.fork() == 0:
        assert libc.unshare(0x20000000) == 0
        if os.fork() == 0:
            if os.fork() == 0:
                work(writer)
                os._exit(0)
            os.wait()
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
    os.close(writer)
    return os.read(reader, 64).decode()
def run(writer):
    assert os.getpid() == 2
    warm_program.prepare()
    os.write(writer, ssl.RAND_bytes(8).hex().encode())
def template(writer):
    assert os.getpid() == 2
    ssl.RAND_bytes(1)
    os.write(writer, f"{in_namespace(run)} {in_namespace(run)}".encode())
print(in_namespace(template))
"""


def _said_by(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = [sys.executable, "-c", code]
    found = subprocess.run(
        words, capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_memory_that_the_template_shares_is_each_run_s_own() -> None:
    assert _said_by(OWN_MEMORY) == "childfirst"


@pytest.mark.root
def test_no_run_has_the_random_numbers_of_openssl_that_another_has() -> None:
    first, second = _said_by(SAME_PIDS).split()
    assert len(first) == 16
    assert first != second
