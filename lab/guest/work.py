"""The work inside of the machine: install the wheel, run pytest (or a shell), send the results out.

Runs with the machine's own Python and the standard library alone, as root, under either init.
"""

import glob
import json
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

LAB = Path("/lab")
REPOSITORY = LAB / "repository"
RESULTS = LAB / "results"
NETWORK = "10.77.0."


def port(name: str) -> str:
    """Return the device of a virtio-serial port; udev may not be there to name it."""
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        if Path(path).read_text(encoding="ascii").strip() == name:
            return "/dev/" + Path(path).parent.name
    sys.exit(f"lab: this machine has no port {name}")


def run(*argv: str) -> None:
    """Run a command of the setup; the console shows what it says."""
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        print(f"lab: {' '.join(argv)}: exit code {done.returncode}", flush=True)


def main() -> int:
    """Do the job, whatever it is, and send its results."""
    job = json.loads((LAB / "job.json").read_text(encoding="utf-8"))
    RESULTS.mkdir(exist_ok=True)
    with open(port("lab.progress"), "wb", buffering=0) as progress:
        progress.write(b"\x01")  # the first word: the machine is up
        code = _work(job, progress)
    (RESULTS / "exit-code").write_text(str(code), encoding="ascii")
    _keep_logs(job)
    with open(port("lab.results"), "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
        tar.add(RESULTS, ".")
    return 0


def _work(job: dict[str, Any], progress: BinaryIO) -> int:
    (wheel,) = (LAB / "wheel").glob("*.whl")
    run(sys.executable, "-I", "-m", "installer", "--no-compile-bytecode", str(wheel))
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["WARDIAN_LAB"] = job["init"]
    if job["hosts"] > 1:
        _join_network(job["host"])
    if job["kind"] == "shell":
        return _shell(job)
    if job["kind"] == "serve":
        return _serve()
    return _test(job, progress)


def _test(job: dict[str, Any], progress: BinaryIO) -> int:
    command = [sys.executable, "-m", "pytest", *job["pytest"]]
    command += ["-p", "no:cacheprovider", f"--junit-xml={RESULTS}/junit.xml"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=progress,
        stderr=progress,
        check=False,
        env={**os.environ, **job["environment"]},
    )
    return done.returncode


def _shell(job: dict[str, Any]) -> int:
    os.chdir(REPOSITORY)
    with open("/dev/ttyS0", "r+b", buffering=0) as console:
        subprocess.run(["stty", *job["stty"], "sane"], stdin=console, check=False)
        done = subprocess.run(
            ["setsid", "--ctty", "--wait", "bash", "-i"],
            stdin=console,
            stdout=console,
            stderr=console,
            check=False,
            env={**os.environ, "TERM": job["term"], "HOME": "/root", "PS1": job["prompt"]},
        )
    return done.returncode


def _join_network(number: int) -> None:
    run("modprobe", "virtio_net")
    (device,) = [name for _index, name in socket.if_nameindex() if name not in ("lo", "sit0")]
    run("hostname", f"host{number}")
    run("ip", "address", "add", f"{NETWORK}{number}/24", "dev", device)
    run("ip", "link", "set", device, "up")
    os.environ["WARDIAN_LAB_PEER"] = f"{NETWORK}{3 - number}"


def _serve() -> int:
    return subprocess.run(
        [sys.executable, "-I", str(REPOSITORY / "lab" / "guest" / "agent.py")], check=False
    ).returncode


def _keep_logs(job: dict[str, Any]) -> None:
    with (RESULTS / "dmesg").open("wb") as file:
        subprocess.run(["dmesg"], stdout=file, check=False)
    if job["init"] == "systemd":
        with (RESULTS / "journal").open("wb") as file:
            subprocess.run(["journalctl", "--boot", "--no-pager"], stdout=file, check=False)


if __name__ == "__main__":
    sys.exit(main())
