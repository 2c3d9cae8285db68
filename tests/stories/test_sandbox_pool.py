"""A pool of boxes: each run finds nothing of the one before, and the verdicts are a Sandbox's."""

import concurrent.futures
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

import wardian
from tests.users import User
from wardian import Outcome, SandboxPool
from wardian.errors import LaunchError, UsageError
from wardian.sandbox.ready import ReadyRun

pytestmark = pytest.mark.root

PROBE = r"""
import ctypes, json, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
found = {
    "files": sorted(os.listdir("/tmp")) + sorted(os.listdir("/dev/shm")),
    "processes": sum(name.isdigit() for name in os.listdir("/proc")),
    "shm": libc.shmget(0x5713, 4096, 0),
    "sem": libc.semget(0x5713, 1, 0),
    "msg": libc.msgget(0x5713, 0),
    "alarm": libc.alarm(0),
    "timers": open("/proc/self/timers").read(),
    "mounts": sorted(line.split()[4] for line in open("/proc/self/mountinfo")),
    "umask": os.umask(0),
    "pid": os.getpid(),
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:4],
    "sockets": [line.split()[-1] for line in open("/proc/net/unix") if "@" in line],
    "hostname": socket.gethostname(),
    "environment": sorted(os.environ),
}
json.dump(found, sys.stdout)
"""
LITTER = r"""
import ctypes, os, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
open("/tmp/left", "w").write("secret")
open("/dev/shm/left", "w").write("secret")
os.mkdir("/tmp/.hidden")
assert libc.shmget(0x5713, 4096, 0o1666) >= 0
assert libc.semget(0x5713, 1, 0o1666) >= 0
assert libc.msgget(0x5713, 0o1666) >= 0
server = socket.socket(socket.AF_UNIX)
server.bind("\0left")
server.listen()
os.set_inheritable(server.fileno(), True)
libc.alarm(1000)
os.umask(0o777)
if os.fork() == 0:  # a daemon that tries to outlive the run
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
print("littered")
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(size=2, limits={"memory": "128m", "wall": "20s"})
    yield made
    made.close()


def test_nothing_of_one_run_is_seen_by_the_next(pool: SandboxPool) -> None:
    seen = []
    for _ in range(6):  # more than there are boxes ready, and network namespaces
        probe = pool.run(["python3", "-I", "-c", PROBE])
        assert probe.outcome is Outcome.OK, probe.stderr
        seen.append(json.loads(probe.stdout))
        litter = pool.run(["python3", "-I", "-c", LITTER])
        assert litter.stdout == b"littered\n", litter.stderr
    assert all(one == seen[0] for one in seen[1:])
    assert seen[0]["files"] == []
    assert seen[0]["shm"] == seen[0]["sem"] == seen[0]["msg"] == -1
    assert seen[0]["alarm"] == 0
    assert seen[0]["processes"] == 2  # init and itself
    assert seen[0]["sockets"] == []


def test_two_runs_at_once_do_not_see_each_other(pool: SandboxPool) -> None:
    server = (
        "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0meet'); s.listen();"
        "print('up', flush=True); time.sleep(3)"
    )
    client = (
        "import socket, time; time.sleep(1); s = socket.socket(socket.AF_UNIX);"
        "print(s.connect_ex('\\0meet'))"
    )
    with concurrent.futures.ThreadPoolExecutor() as threads:
        first = threads.submit(pool.run, ["python3", "-I", "-c", server])
        second = threads.submit(pool.run, ["python3", "-I", "-c", client])
        assert first.result().stdout == b"up\n"
        assert second.result().stdout == b"111\n"  # ECONNREFUSED


def test_keys_and_network_state_are_a_run_s_own_where_the_policy_lets_it_use_them() -> None:
    names = ["?" + name for name in _every_call()]
    code = (
        "import ctypes, socket; libc = ctypes.CDLL(None);"
        "libc.syscall.restype = ctypes.c_long;"
        "print(libc.syscall(250, 10, -4, b'user', b'wardian', 0) > 0, end=' ');"  # KEYCTL_SEARCH
        "libc.syscall(248, b'user', b'wardian', b'x', 1, -4);"  # add_key to the user's keyring
        "s = socket.socket(); s.bind(('127.0.0.1', 4711)); s.listen();"
        "c = socket.create_connection(('127.0.0.1', 4711));"
        "a = s.accept()[0]; a.close(); c.close(); print('served')"  # leaves a port in TIME_WAIT
    )
    with SandboxPool(names, size=1) as pool:
        for _ in range(3):
            verdict = pool.run(["python3", "-I", "-c", code])
            assert verdict.stdout == b"False served\n", verdict.to_json()


def _every_call() -> "list[str]":
    from wardian.kernel import libseccomp

    names = [
        libseccomp.call_name(number, libseccomp.native_architecture()[1]) for number in range(462)
    ]
    return sorted({name for name in names if name})


def test_verdicts_are_those_of_a_sandbox(pool: SandboxPool) -> None:
    cases: list[tuple[list[str], dict[str, object]]] = [
        (["true"], {}),
        (["false"], {}),
        (["sh", "-c", "kill -SEGV $$"], {}),
        (["sh", "-c", "cat; echo err >&2; exit 3"], {"stdin": b"input"}),
        (
            ["sh", "-c", "cat a b > out; wc -c < out"],
            {"files": {"a": b"1", "b": b"22"}, "outputs": ["out"]},
        ),
        (["python3", "-c", "x = bytearray(1 << 30)"], {}),
        (["unshare", "-n", "true"], {}),
        (["sh", "-c", "yes | head -c 40000000"], {}),
        (["printenv"], {"env": {"A": "b"}}),
    ]
    sandbox = wardian.Sandbox(limits={"memory": "128m", "wall": "20s"})
    for argv, words in cases:
        ours, theirs = pool.run(argv, **words), sandbox.run(argv, **words)  # type: ignore[arg-type]
        for name in ("outcome", "exit_code", "signal", "stdout", "stderr", "outputs", "plan_hash"):
            assert getattr(ours, name) == getattr(theirs, name), (argv, name)
        assert [one.syscall for one in ours.violations] == [
            one.syscall for one in theirs.violations
        ]


def test_a_program_that_is_not_there_is_an_error_and_costs_one_box(pool: SandboxPool) -> None:
    with pytest.raises(LaunchError, match="nowhere"):
        pool.run(["nowhere"])
    assert pool.run(["true"]).outcome is Outcome.OK


def test_a_large_input_gets_a_box_of_its_own(pool: SandboxPool) -> None:
    assert pool.run(["wc", "-c"], stdin=b"x" * 1_000_000).stdout.split() == [b"1000000"]


def test_a_box_that_died_while_it_stood_is_not_used(pool: SandboxPool) -> None:
    pool.fill()
    for one in list(pool._ready):
        assert one.box.launch is not None
        os.kill(one.box.launch.pid, 9)
    time_limit_s = time.monotonic() + 10
    while any(one.stands for one in list(pool._ready)) and time.monotonic() < time_limit_s:
        os.sched_yield()
    assert pool.run(["echo", "here"]).stdout == b"here\n"


MANY = r"""
import concurrent.futures, os, wardian
from wardian.kernel import cgroups
from wardian.kernel import cgroups
with wardian.Sandbox() as first:
    first.run(["true"])
def held():
    names = os.listdir("/proc/self/fd")  # with the listing's own, which is not there any more
    links = [f"/proc/self/fd/{name}" for name in names]
    return sorted(os.readlink(link).split(":")[0] for link in links if os.path.lexists(link))
before = held()
with wardian.SandboxPool(size=4) as pool, concurrent.futures.ThreadPoolExecutor(8) as threads:
    texts = [str(number).encode() for number in range(200)]
    assert list(threads.map(lambda text: pool.run(["cat"], stdin=text).stdout, texts)) == texts
assert held() == before, (before, held())
names = [name for mount in cgroups.detect().prefix for name in os.listdir(mount)]
assert not [name for name in names if f"-{os.getpid()}-" in name], names
print("nothing left")
"""


def test_many_runs_from_many_threads_leave_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=False)
    assert done.stdout == "nothing left\n", done.stderr


@pytest.mark.rootless
def test_an_ordinary_user_has_pools_too(ordinary_user: User) -> None:
    code = (
        "import wardian; p = wardian.SandboxPool(size=2);"
        "print([p.run(['sh', '-c', 'ls /tmp; echo x > /tmp/a; echo $$']).stdout for _ in '1234']);"
        "print(p.run(['unshare', '-U', 'true']).outcome); p.close()"
    )
    done = ordinary_user.python(code)
    assert done.stdout == "[b'2\\n', b'2\\n', b'2\\n', b'2\\n']\nVIOLATION\n", done.stderr


def test_a_forked_child_disturbs_no_box_of_its_parent(pool: SandboxPool) -> None:
    pool.fill()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # as a server forks its workers: it lives on, and its end is a usual one
        os.close(writer)
        try:
            pool.close()
            os.read(reader, 1)
        finally:
            os._exit(0)
    os.close(reader)
    # Standard input ends although the child has come to be while the box stood.
    verdicts = [pool.run(["cat"], stdin=b"input") for _ in range(3)]
    os.close(writer)
    assert os.waitpid(child, 0)[1] == 0
    assert [one.stdout for one in verdicts] == [b"input"] * 3, verdicts[0].to_json()
    assert pool.run(["echo", "here"]).stdout == b"here\n"


def test_a_child_that_exits_as_usual_leaves_the_parents_boxes_alone() -> None:
    code = (
        "import os, sys, wardian; p = wardian.SandboxPool(size=2); p.fill()\n"
        "if os.fork() == 0: sys.exit(0)\n"  # functions of atexit are called
        "os.wait(); print([one.stands for one in p._ready], p.run(['echo', 'x']).stdout)"
    )
    words = [sys.executable, "-W", "ignore", "-c", code]  # Python 3.12 warns of fork
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[True, True] b'x\\n'\n", "")


def test_a_box_that_dies_at_the_last_moment_is_replaced(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = pool._take

    def doomed() -> ReadyRun:
        found = take()
        assert found.box.launch is not None
        os.kill(found.box.launch.pid, 9)
        gone = select.poll()
        gone.register(found.box.launch.pidfd, select.POLLIN)
        assert gone.poll(10_000)
        return found

    monkeypatch.setattr(pool, "_take", doomed)
    assert pool.run(["id", "-u"]).stdout == b"1000\n"


def test_a_pool_outlives_its_launcher() -> None:
    code = (
        "import os, select, wardian; from wardian.runtime import launch\n"
        "p = wardian.SandboxPool(size=2)\n"
        "p.fill(); os.kill(launch._current.pid, 9)\n"
        "for one in list(p._ready): select.select([one.box.launch.pidfd], [], [])\n"
        "print([p.run(['echo', 'x']).stdout for _ in '123']); p.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[b'x\\n', b'x\\n', b'x\\n']\n", "")


def test_a_run_whose_launcher_dies_is_an_internal_error() -> None:
    code = (
        "import os, wardian; from wardian.runtime import launch\n"
        "p = wardian.SandboxPool(size=1, limits={'wall': '20s'}); p.fill()\n"
        "run = p._new(['sleep', '15'], b'', None, None, ()); run.start()\n"
        "os.kill(launch._current.pid, 9)\n"
        "while not run.ended: run.step()\n"
        "print(run.finish().outcome, p.run(['echo', 'x']).stdout)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("INTERNAL_ERROR b'x\\n'\n", "")


def test_runs_go_on_while_their_pool_is_closed() -> None:
    pool = SandboxPool(size=1, limits={"wall": "20s"})
    with concurrent.futures.ThreadPoolExecutor() as threads:
        reader, writer = os.pipe()
        waits = threads.submit(pool.run, ["sh", "-c", "read x; echo $x"], stdin=reader)
        stands = threads.submit(pool.run, ["sh", "-c", "sleep 1; echo y"])
        while not pool._threads or waits.running() is stands.running() is False:
            os.sched_yield()
        while len(pool._ready) < 1:
            os.sched_yield()
        pool.close()
        os.write(writer, b"x\n")
        os.close(writer)
        results = []
        for one in (waits, stands):
            try:
                results.append(one.result().stdout)
            except UsageError:  # it came too late
                results.append(b"closed")
        os.close(reader)
    assert results[0] in (b"x\n", b"closed")
    assert results[1] in (b"y\n", b"closed")
    assert not pool._used


def test_asyncio_runs_in_a_pool_and_a_cancelled_call_leaves_nothing(pool: SandboxPool) -> None:
    import asyncio

    async def main() -> "list[bytes]":
        many = [pool.arun(["cat"], stdin=str(n).encode()) for n in range(8)]
        found = [verdict.stdout for verdict in await asyncio.gather(*many)]
        endless = asyncio.ensure_future(pool.arun(["sleep", "100"]))
        await asyncio.sleep(0)
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        return found

    assert asyncio.run(main()) == [str(n).encode() for n in range(8)]
    assert pool.run(["ls", "/proc/self/fd"]).outcome is Outcome.OK


@pytest.mark.rootless
def test_an_ordinary_user_s_runs_share_no_file_that_they_can_write(ordinary_user: User) -> None:
    """Below an ordinary user the box's user owns /etc/hosts."""
    code = (
        "import wardian; p = wardian.SandboxPool(size=1)\n"
        "for _ in '123':\n"
        "    v = p.run(['sh', '-c', 'echo x >> /etc/hosts; chmod 777 /etc/passwd;'"
        "        'touch /etc/group; tail -n 1 /etc/hosts'])\n"
        "    print(v.stdout, v.stderr.count(b'Read-only file system'))\n"
        "p.close()"
    )
    done = ordinary_user.python(code)
    assert done.stdout == "b'::1\\tlocalhost\\n' 3\n" * 3, (done.stdout, done.stderr)


@pytest.mark.rootless
def test_many_pipes_of_an_ordinary_user_stop_no_run(ordinary_user: User) -> None:
    """Who has many pipes gets small ones; an input must not wait for its reader."""
    code = (
        "import os, fcntl, resource, wardian\n"
        "most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))\n"
        "soft = int(open('/proc/sys/fs/pipe-user-pages-soft').read())\n"
        "held = []\n"
        "size = lambda: fcntl.fcntl(held[-1][0], fcntl.F_GETPIPE_SZ)\n"
        "while len(held) < soft and (not held or size() > 8192): held.append(os.pipe())\n"
        "p = wardian.SandboxPool(size=1, limits={'wall': '20s'})\n"
        "for kind in (p, wardian.Sandbox(limits={'wall': '20s'})):\n"
        "    print(kind.run(['wc', '-c'], stdin=b'x' * 60000).stdout)\n"
        "p.close()"
    )
    done = ordinary_user.python(code)
    assert done.stdout == "b'60000\\n'\nb'60000\\n'\n", (done.stdout, done.stderr)


def test_a_pool_is_of_one_process_and_over_when_closed() -> None:
    pool = SandboxPool(size=1)
    pool.close()
    with pytest.raises(UsageError, match="closed"):
        pool.run(["true"])
    with pytest.raises(UsageError, match="pool size"):
        SandboxPool(size=0)


def test_a_pool_that_nobody_closed_ends_with_its_process() -> None:
    code = (
        "import wardian; p = wardian.SandboxPool(size=2); p.fill();"
        "print(p.run(['echo', 'x']).stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("b'x\\n'\n", "")
