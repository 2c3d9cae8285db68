"""Who enters a running container brings nothing of the host with it, and nobody inside can grab it.

CVE-2019-5736 (the runtime's own file through /proc/PID/exe) and CVE-2024-21626 (a descriptor of a
host directory) are the two known ways; the watcher inside looks for both, and for the working
directory and the root of whoever enters.
"""

import hashlib
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import runtimes
from tests.habits import project
from tests.runtimes import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.slow]

ENTRIES = 30
SHOW = "readlink /proc/$$/exe; readlink /proc/$$/cwd; readlink /proc/$$/root; ls /proc/$$/fd"
Program = Callable[[str], Path]


def seen(lines: str) -> list[str]:
    return [line for line in lines.split("\n") if line]


@pytest.mark.parametrize("how", ["run", "create", "exec"])
def test_a_program_has_its_stdio_and_nothing_else(how: str, oci: Runtime, bundle: Bundle) -> None:
    """A descriptor that the caller has open, of the host's root, stays outside."""
    opened = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(opened, True)
    script = ["sh", "-c", f"{SHOW}; true"]
    try:
        if how == "run":
            bundle.config["process"]["args"] = script
            done = oci.run(bundle, pass_fds=[opened])
        elif how == "create":
            (bundle.rootfs / "out").touch()
            bundle.config["process"]["args"] = ["sh", "-c", f"exec >/out; {SHOW}; true"]
            name = oci.new_id()
            done = oci.detached("create", "--bundle", bundle.save(), name, pass_fds=[opened])
            assert done.returncode == 0, done.stderr
            pid = oci.state_of(name)["pid"]
            assert oci("start", name).returncode == 0
            wait_for_end(pid)
            text = (bundle.rootfs / "out").read_text()
            done = subprocess.CompletedProcess([], 0, text.replace("3\n", ""), "")
        else:
            bundle.config["process"]["args"] = ["sleep", "1000"]
            name = oci.start(bundle)
            done = oci("exec", name, *script, pass_fds=[opened])
    finally:
        os.close(opened)
    assert done.returncode == 0, done.stderr
    assert seen(done.stdout) == ["/bin/busybox", "/", "/", "0", "1", "2"]


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended; it may be a zombie that nobody has reaped."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor) as process:
        assert select.select([process], [], [], 20)[0], f"{pid} has not ended"


def test_only_the_descriptors_that_were_asked_for_are_kept(
    oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "given").write_text("kept\n")
    bundle.config["process"]["args"] = ["sh", "-c", "cat <&3; ls /proc/$$/fd; true"]
    name = oci.new_id()
    argv = oci.argv("run", "--bundle", bundle.save(), "--preserve-fds", "1", name)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 3<given 4</', "sh", *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert seen(done.stdout) == ["kept", "0", "1", "2", "3"]


def test_a_created_container_holds_nothing_of_the_host_open(oci: Runtime, bundle: Bundle) -> None:
    """Between create and start: no directory, no file that can be written, its own root and cwd."""
    pid = oci.state_of(oci.create(bundle))["pid"]
    own = os.stat(bundle.rootfs)
    for name in ("root", "cwd"):
        there = os.stat(f"/proc/{pid}/{name}/")
        assert (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino), name
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        target = os.readlink(path)
        assert not os.path.isdir(path), f"{number}: {target}"
        # a name with a slash is a file: /dev/null, given by the caller, or a FIFO for the start
        assert not target.startswith(("/home", "/root", "/usr", "/work")), f"{number}: {target}"


def host_programs(oci: Runtime) -> list[Path]:
    """What the runtime consists of, as far as an intruder could write to it."""
    programs = [oci.program.resolve(), Path(os.path.realpath(sys.executable))]
    programs += sorted((project.ROOT / "src" / "wardian").glob("wardian-launcher"))
    return programs


def digests(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@contextmanager
def watched(
    oci: Runtime, bundle: Bundle, watcher: Path, marker: Path
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A container in which the watcher runs; gives its id."""
    target = bundle.rootfs / "bin" / "watcher"
    target.write_bytes(watcher.read_bytes())
    target.chmod(0o755)
    name = oci.new_id()
    bundle.config["linux"]["cgroupsPath"] = f"/{runtimes.GROUP}/{name}"
    # the watcher is a child of a shell, so that /proc/1 is not the one that watches
    bundle.config["process"]["args"] = [
        "sh",
        "-c",
        f"watcher {marker} /bin/busybox; exit $?",
    ]
    process = subprocess.Popen(
        oci.argv("run", "--bundle", bundle.save(), name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "up\n", line + (process.stdout.read() if process.poll() is not None else "")
    try:
        yield name, process
    finally:
        oci("delete", "--force", name)
        process.wait(20)


@pytest.mark.parametrize("capability", ["CAP_CHOWN", "CAP_SYS_PTRACE"])
def test_nobody_inside_can_grab_what_enters(
    capability: str, oci: Runtime, bundle: Bundle, static_program: Program, tmp_path: Path
) -> None:
    """CVE-2019-5736, CVE-2024-21626: also for one who may trace every process that he sees."""
    marker = tmp_path / "of-the-host"
    marker.write_text("secret")
    for kind in bundle.config["process"]["capabilities"].values():
        kind.append(capability)
    evil = bundle.rootfs / "bin" / "evil"
    evil.write_text("#!/proc/self/exe\n")
    evil.chmod(0o755)
    before = digests(host_programs(oci))
    with watched(oci, bundle, static_program("watcher.c"), marker) as (name, process):
        for _ in range(ENTRIES):
            assert oci("exec", name, "true").returncode == 0
        for program in ("/proc/self/exe", "/bin/evil"):
            for _ in range(ENTRIES // 3):
                oci("exec", name, program, "init")
        found, _ = process.communicate("", timeout=60)
    assert digests(host_programs(oci)) == before
    lines = seen(found)
    assert lines[-1] == "over", found
    assert [line for line in lines if line.startswith(("escape", "writable"))] == []
    inodes = {(os.stat(path).st_dev, os.stat(path).st_ino) for path in host_programs(oci)}
    if runtimes.is_ours():
        grabbed = {tuple(map(int, line.split()[1:3])) for line in lines if line[:4] == "exe "}
        assert not grabbed & inodes, found


def test_the_watcher_sees_what_it_looks_for(
    oci: Runtime, bundle: Bundle, static_program: Program, tmp_path: Path
) -> None:
    """The test above can fail: a process that enters carelessly is caught in every way."""
    marker = tmp_path / "of-the-host"
    marker.write_text("secret")
    careless = tmp_path / "careless"
    careless.write_bytes(static_program("flipper.c").read_bytes())
    careless.chmod(0o755)
    for kind in bundle.config["process"]["capabilities"].values():
        kind.append("CAP_SYS_PTRACE")
    with watched(oci, bundle, static_program("watcher.c"), marker) as (name, process):
        pid = oci.state_of(name)["pid"]
        # it joins the processes alone, and keeps its root, its directory and its program
        pair = [str(tmp_path / "a"), str(tmp_path / "b")]
        for path in pair:
            Path(path).touch()
        intruder = subprocess.Popen(
            ["nsenter", "-t", str(pid), "-p", str(careless), *pair],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert intruder.stdout is not None
        assert intruder.stdout.readline() == "up\n"
        assert process.stdout is not None
        lines: set[str] = set()
        while not {"exe", "escape cwd", "escape root"} <= lines:
            words = process.stdout.readline().split()
            lines.add(" ".join(words[:2]) if words[0] == "escape" else words[0])
        subprocess.run(["pkill", "-P", str(intruder.pid)], check=True)
        intruder.communicate(timeout=20)
        found, _ = process.communicate("", timeout=60)
    assert "writable " in found
