"""The lab's machine is what it is said to be: else its green says little."""

import os
import platform
import sys
from pathlib import Path

import pytest

from tests.users import User

pytestmark = pytest.mark.root

CGROUPS = Path("/sys/fs/cgroup")
CONTROLLERS = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"}


def test_it_has_cgroup_v2_alone_with_every_controller() -> None:
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    kinds = [line.split(" - ")[1].split()[0] for line in mounts if " - cgroup" in line]
    assert kinds == ["cgroup2"]
    assert set((CGROUPS / "cgroup.controllers").read_text().split()) >= CONTROLLERS


def test_it_is_newer_than_the_developers_machine() -> None:
    assert sys.version_info >= (3, 13)
    assert tuple(map(int, platform.release().split("-")[0].split("+")[0].split("."))) >= (6, 12)
    assert "VERSION_CODENAME=trixie" in Path("/etc/os-release").read_text(encoding="utf-8")


def test_what_is_tested_is_the_wheel() -> None:
    import wardian

    assert str(wardian.__file__).startswith("/usr/local/lib/python3")


def test_nothing_but_loopback_leads_out_of_it() -> None:
    routes = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    assert not [line for line in routes if line.split()[1] == "00000000"]


@pytest.mark.lab_systemd
def test_systemd_is_process_one() -> None:
    assert os.path.realpath("/proc/1/exe").endswith("/systemd")


READ = """
group = "/sys/fs/cgroup" + open(f"/proc/{box.pid}/cgroup").read().strip()[3:]
names = ["memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max"]
print(json.dumps({name: open(f"{group}/{name}").read().strip() for name in names}))
"""
RUN = f"""
import json, wardian
with wardian.Container(["sleep", "600"], memory="64m", memory_swap="96m", cpus="0.5",
                       cpu_shares=512, pids_limit=33) as box:
    box.start()
{chr(10).join("    " + line for line in READ.strip().splitlines())}
    box.kill()
    box.wait()
"""


@pytest.mark.lab_systemd
def test_systemd_gives_an_ordinary_user_limits(ordinary_user: User) -> None:
    import json
    import subprocess

    subprocess.run(["loginctl", "enable-linger", ordinary_user.name], check=True)
    try:
        subprocess.run(["systemctl", "start", f"user@{ordinary_user.uid}.service"], check=True)
        runtime = f"/run/user/{ordinary_user.uid}"
        (library,) = ordinary_user.prefix.glob("lib/python3.*/site-packages")
        done = ordinary_user.run(
            [
                *("systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes"),
                *(str(ordinary_user.prefix / "bin" / "python3"), "-s", "-c", RUN),
            ],
            env={
                "PYTHONPATH": str(library),
                "XDG_RUNTIME_DIR": runtime,
                "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
            },
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {
            "memory.max": str(64 << 20),
            "memory.swap.max": str(32 << 20),
            "cpu.max": "50000 100000",
            "cpu.weight": "59",
            "pids.max": "33",
        }
    finally:
        subprocess.run(["loginctl", "disable-linger", ordinary_user.name], check=False)
        subprocess.run(["systemctl", "stop", f"user@{ordinary_user.uid}.service"], check=False)
