"""Programs of other processors run in a user namespace with a list of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.foreign import MACHINES, busybox
from tests.machine import missing
from tests.users import User
from wardian import errors
from wardian.kernel import binfmt

Foreign = Callable[[str], Path]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """Debian's busybox for a platform, where it can be had."""
    found: dict[str, Path] = {}

    def fetch(platform: str) -> Path:
        if platform not in found:
            found[platform] = busybox(platform, tmp_path_factory)
        return found[platform]

    return fetch


CHILD = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
uid, gid = os.geteuid(), os.getegid()
assert libc.unshare(0x10000000 | 0x00020000) == 0
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
open("/proc/self/gid_map", "w").write(f"0 {gid} 1")
print("ready", flush=True)
for line in sys.stdin:
    root, *argv = line.split()
    pid = os.fork()
    if pid == 0:
        try:
            os.chroot(root)
            os.execv(argv[0], argv)
        except OSError as error:
            print(error.strerror, flush=True)
            os._exit(126)
    os.waitpid(pid, 0)
    print("done", flush=True)
"""


class Namespace:
    """A process in a user namespace of its own, which runs programs in roots."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def run(self, root: Path, *argv: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(" ".join([str(root), *argv]) + "\n")
        self._process.stdin.flush()
        lines = []
        while (line := self._process.stdout.readline().strip()) != "done":
            lines.append(line)
        return "\n".join(lines)


@contextmanager
def namespace() -> Iterator[Namespace]:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield Namespace(process)
        assert process.stdin
        process.stdin.close()


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("platform", MACHINES)
def test_a_foreign_program_runs_where_it_is_registered(foreign: Foreign, platform: str) -> None:
    program = foreign(platform)
    before = sorted(os.listdir(binfmt.HOST_LIST))
    with namespace() as inside, namespace() as other:
        assert inside.run(program.parent, "/busybox", "uname", "-m") == "Exec format error"
        fd = binfmt.register([platform], inside.pid)
        assert inside.run(program.parent, "/busybox", "uname", "-m") == MACHINES[platform][1]
        assert other.run(program.parent, "/busybox", "uname", "-m") == "Exec format error"
        os.close(fd)
        assert inside.run(program.parent, "/busybox", "uname", "-m") == "Exec format error"
    assert sorted(os.listdir(binfmt.HOST_LIST)) == before


@pytest.mark.root
@pytest.mark.slow
def test_its_children_run_too_and_it_needs_no_interpreter_inside(foreign: Foreign) -> None:
    program = foreign("linux/arm64")
    with namespace() as inside:
        fd = binfmt.register(["linux/arm64"], inside.pid)
        script = "/busybox;uname;-m;/busybox;true".replace(";", " ").split()
        said = inside.run(program.parent, "/busybox", "env", *script[:3])
        assert said == "aarch64"
        assert [path.name for path in program.parent.iterdir()] == ["busybox"]
        os.close(fd)


AS_USER = """
import os, subprocess, sys
from wardian.kernel import binfmt
process = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=-1, stdout=-1, text=True)
process.stdout.readline()
fd = binfmt.register(["linux/arm64"], process.pid)
process.stdin.write(sys.argv[2] + " /busybox uname -m\\n")
process.stdin.close()
print(process.stdout.readline().strip())
"""


@pytest.mark.rootless
@pytest.mark.slow
def test_an_ordinary_user_needs_nobody_s_help(foreign: Foreign, lone_user: User) -> None:
    place = lone_user.home / "root"
    place.mkdir(exist_ok=True)
    (place / "busybox").write_bytes(foreign("linux/arm64").read_bytes())
    for path in (place, place / "busybox"):
        path.chmod(0o755)
        os.chown(path, lone_user.uid, lone_user.gid)
    done = lone_user.python(AS_USER, CHILD, str(place))
    assert done.stdout.strip() == "aarch64", done.stderr


@pytest.mark.root
def test_a_process_outside_of_any_namespace_of_ours_is_refused() -> None:
    try:
        binfmt.find_interpreter("linux/arm64")
    except errors.UnsupportedError:
        missing("Debian's qemu-user-static")
    with pytest.raises(errors.KernelError, match="setns"):
        binfmt.register(["linux/arm64"], os.getpid())


@pytest.mark.root
@pytest.mark.slow
def test_the_machine_s_list_is_what_it_was_after_the_last_holder(foreign: Foreign) -> None:
    program = foreign("linux/arm64")
    if os.path.exists(f"{binfmt.HOST_LIST}/register"):
        pytest.skip("about a machine where binfmt_misc is not mounted")
    held = [binfmt.hold_on_the_host(["linux/arm64"]) for _ in range(2)]
    for fd in held:
        done = subprocess.run([program, "uname", "-m"], capture_output=True, text=True, check=False)
        assert done.stdout == "aarch64\n"
        os.close(fd)
    with pytest.raises(OSError, match="Exec format error"):
        subprocess.run([program, "uname", "-m"], check=False)
