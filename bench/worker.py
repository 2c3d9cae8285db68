"""Time things in a process of its own; the bench talks to it by JSON lines.

Requests, one a line on stdin, each answered by one line on stdout:

    {"do": "spawn", "argv": [...], "runs": 5, "env": {...}}   a command, from spawn to its end
    {"do": "plain", "how": "fork", "argv": [...], "runs": 20}   a program without a box
    {"do": "box", "options": {...}, "command": [...], "runs": 20}   wardian.run in this process
    {"do": "threads", "options": {...}, "command": [...], "runs": 400, "threads": 16}
    {"do": "ballast", "bytes": 2147483648, "threads": 50}      make this process big
    {"do": "init_rss", "options": {...}, "command": [...]}     resident size of a box's init
    {"do": "sandbox", "kind": "SandboxPool", "options": {...}, "argv": [...], "runs": 20}
    {"do": "pool_rate", "options": {...}, "runs": 2000, "threads": 4}
    {"do": "violations", "options": {...}, "runs": 60}         until all of the box stands

A worker can be started in another mount namespace, or grow, without harm to what the others
measure.
"""

import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_held: list[Any] = []
# "{n}" in an argument becomes this, so that every container gets a name of its own.
_serial = itertools.count(1)


def spawn(request: dict[str, Any]) -> dict[str, Any]:
    """Run a command several times, its output thrown away."""
    environment = {**os.environ, **request.get("env", {})}
    null = os.open(os.devnull, os.O_RDWR)
    errors = os.memfd_create("stderr")
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, null, 1),
        (os.POSIX_SPAWN_DUP2, errors, 2),
    ]
    samples = []
    try:
        for _ in range(request["runs"]):
            name = f"{os.getpid()}-{next(_serial)}"
            argv = [word.replace("{n}", name) for word in request["argv"]]
            start = time.perf_counter()
            pid = os.posix_spawnp(argv[0], argv, environment, file_actions=actions)
            _pid, status = os.waitpid(pid, 0)
            samples.append((time.perf_counter() - start) * 1e3)
            if status != 0:
                said = os.pread(errors, 1 << 16, 0).decode("utf-8", "replace").strip()
                last = said.rpartition("\n")[2]
                code = os.waitstatus_to_exitcode(status)
                return {"error": f"{os.path.basename(argv[0])} ended with {code}: {last}"}
    except OSError as error:
        return {"error": f"{request['argv'][0]}: {error.strerror}"}
    finally:
        os.close(null)
        os.close(errors)
    return {"samples_ms": samples}


def box(request: dict[str, Any]) -> dict[str, Any]:
    """Run boxes in this process, one after the other."""
    import wardian

    samples = []
    for _ in range(request["runs"]):
        start = time.perf_counter()
        result = wardian.run(request["command"], **request["options"])
        samples.append((time.perf_counter() - start) * 1e3)
        if result.exit_code != 0:
            return {"error": f"the box ended with {result.exit_code}: {result.stderr!r}"}
    return {"samples_ms": samples}


def taken_by(count: int, work: Callable[[], None]) -> float:
    """Let so many threads do something; return seconds."""
    crew = [threading.Thread(target=work) for _ in range(count)]
    start = time.perf_counter()
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return time.perf_counter() - start


def threads(request: dict[str, Any]) -> dict[str, Any]:
    """Run boxes from many threads; one sample: boxes in a second."""
    import wardian

    failed: list[str] = []
    left = iter(range(request["runs"]))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            result = wardian.run(request["command"], **request["options"])
            if result.exit_code != 0:
                failed.append(f"{result.exit_code}: {result.stderr!r}")

    taken = taken_by(request["threads"], work)
    if failed:
        return {"error": f"{len(failed)} boxes failed: {failed[0]}"}
    return {"per_second": request["runs"] / taken}


def ballast(request: dict[str, Any]) -> dict[str, Any]:
    """Hold memory that is really resident, and threads that sleep."""
    block = bytearray(request["bytes"])
    block[::4096] = b"x" * len(block[::4096])
    _held.append(block)
    event = threading.Event()
    for _ in range(request["threads"]):
        threading.Thread(target=event.wait, daemon=True).start()
    _held.append(event)
    return {"rss_kib": rss_kib(os.getpid())}


def rss_kib(pid: int) -> int:
    """Return the resident set of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def init_rss(request: dict[str, Any]) -> dict[str, Any]:
    """Start a box that waits, and look at its first process: the init."""
    import wardian

    container = wardian.Container(request["command"], **request["options"])
    container.start(stdin=-3, stdout=-3, stderr=-3)
    try:
        return {"rss_kib": rss_kib(container.pid)}
    finally:
        container.kill()
        container.wait()


_pools: dict[str, Any] = {}
POOL_PAUSE_S = 0.02


def sandbox(request: dict[str, Any]) -> dict[str, Any]:
    """Run programs in sandboxes, one after the other."""
    import wardian

    key = json.dumps([request["kind"], request["options"]])
    if key not in _pools:
        _pools[key] = getattr(wardian, request["kind"])(**request["options"])
    runner: Any = _pools[key]
    if hasattr(runner, "fill"):
        runner.fill()
    samples = []
    for _ in range(request["runs"]):
        if hasattr(runner, "fill"):
            time.sleep(POOL_PAUSE_S)
        start = time.perf_counter()
        verdict = runner.run(request["argv"])
        samples.append((time.perf_counter() - start) * 1e3)
        if verdict.outcome != "OK":
            return {"error": f"{verdict.outcome}: {verdict.stderr!r}"}
    return {"samples_ms": samples}


def _fork(argv: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(argv[0], argv)
        finally:
            os._exit(127)
    return os.waitpid(pid, 0)[1]


def _captured(argv: list[str]) -> int:
    import subprocess

    return subprocess.run(argv, capture_output=True, check=False).returncode


def plain(request: dict[str, Any]) -> dict[str, Any]:
    """Run a program without a box from this process, with the pause that pooled runs have."""
    run = {"fork": _fork, "captured": _captured}[request["how"]]
    samples = []
    for _ in range(request["runs"]):
        time.sleep(POOL_PAUSE_S)
        start = time.perf_counter()
        status = run(request["argv"])
        samples.append((time.perf_counter() - start) * 1e3)
        if status != 0:
            return {"error": f"{request['argv'][0]} ended with {status}"}
    return {"samples_ms": samples}


def pool_rate(request: dict[str, Any]) -> dict[str, Any]:
    """Run a static program from a pool, as often as it goes; one sample: runs in a second."""
    import wardian

    per_thread = request["runs"] // request["threads"]
    outcomes: list[str] = []
    with wardian.SandboxPool(**request["options"]) as pool:
        pool.fill()

        def work() -> None:
            outcomes.extend(pool.run(["/bin/true"]).outcome for _ in range(per_thread))

        taken = taken_by(request["threads"], work)
    if set(outcomes) != {"OK"}:
        return {"error": f"outcomes {sorted(set(outcomes))}"}
    return {"per_second": len(outcomes) / taken}


def violations(request: dict[str, Any]) -> dict[str, Any]:
    """Let a program make a forbidden call; samples: from the notification until all stand."""
    import wardian

    found = []
    with wardian.Sandbox() as judge:
        for _ in range(request["runs"]):
            verdict = judge.run(["unshare", "-n", "true"])
            if verdict.outcome != "VIOLATION" or verdict.frozen_after_s is None:
                return {"error": f"{verdict.outcome}, {verdict.reason}"}
            found.append(verdict.frozen_after_s * 1e3)
    return {"samples_ms": found}


ACTIONS = {
    "sandbox": sandbox,
    "pool_rate": pool_rate,
    "violations": violations,
    "plain": plain,
    "spawn": spawn,
    "box": box,
    "threads": threads,
    "ballast": ballast,
    "init_rss": init_rss,
}


def main() -> None:
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = ACTIONS[request["do"]](request)
        except Exception as error:  # noqa: BLE001 the bench goes on with the other rows
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
