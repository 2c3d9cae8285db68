"""What a program in a box may do: capabilities, seccomp, masked paths, devices."""

import json
from pathlib import Path
from typing import Any

import pytest

import wardian
from wardian.kernel import capabilities

pytestmark = pytest.mark.root

SERVER = """
import socket, os
server = socket.socket(); server.bind(("127.0.0.1", 80)); server.listen()
client = socket.create_connection(("127.0.0.1", 80)); peer, _ = server.accept()
peer.sendall(b"ok"); print(client.recv(2).decode())
def refused(call):
    try:
        call()
    except PermissionError as error:
        return True
    return False
print(refused(lambda: os.chown("/tmp", 1, 1)))
print(refused(lambda: os.kill(1, 0)))
print(refused(lambda: os.setuid(0)))
print(refused(lambda: os.chroot("/tmp")))
print(open("/proc/self/status").read())
"""


def fields(text: str) -> dict[str, str]:
    """The fields of a /proc/PID/status."""
    rows = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name: value.strip() for name, value in rows}


def status(*arguments: str, **options: Any) -> dict[str, str]:
    """The fields of /proc/self/status in a box."""
    result = wardian.run(["cat", "/proc/self/status", *arguments], **options)
    return fields(result.stdout.decode())


def test_root_in_the_box_has_docker_s_capabilities() -> None:
    found = status()
    assert found["CapEff"] == found["CapPrm"] == found["CapBnd"] == "00000000a80425fb"
    assert found["CapInh"] == found["CapAmb"] == "0000000000000000"
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"


def test_another_user_has_none() -> None:
    found = status(user="65534")
    assert found["Uid"].split() == ["65534"] * 4
    assert found["CapEff"] == found["CapPrm"] == found["CapAmb"] == "0000000000000000"


def test_a_web_server_binds_port_80_and_can_do_nothing_else() -> None:
    result = wardian.run(
        ["python3", "-c", SERVER], user="65534", cap_drop=["ALL"], cap_add=["NET_BIND_SERVICE"]
    )
    lines = result.stdout.decode().splitlines()
    assert lines[:5] == ["ok", "True", "True", "True", "True"], result.stderr
    found = fields("\n".join(lines[5:]))
    assert found["CapEff"] == found["CapAmb"] == found["CapBnd"] == "0000000000000400"


def test_without_the_capability_port_80_is_refused() -> None:
    script = "import socket; socket.socket().bind(('127.0.0.1', 80))"
    result = wardian.run(["python3", "-c", script], user="65534", cap_drop=["ALL"], sysctl=None)
    assert b"PermissionError" in result.stderr


def test_capabilities_are_added_and_dropped_one_by_one() -> None:
    assert status(cap_drop=["ALL"])["CapEff"] == "0000000000000000"
    assert status(cap_drop=["ALL"], cap_add=["CHOWN"])["CapEff"] == "0000000000000001"
    assert int(status(cap_drop=["NET_RAW"])["CapEff"], 16) == 0xA80425FB & ~(1 << 13)


def test_all_capabilities_are_those_that_wardian_has() -> None:
    assert int(status(cap_add=["ALL"])["CapEff"], 16) == capabilities.own()


def test_a_capability_that_wardian_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without = capabilities.own() & ~capabilities.mask(["SYS_TIME"])
    monkeypatch.setattr(capabilities, "own", lambda: without)
    with pytest.raises(wardian.UnsupportedError, match="CAP_SYS_TIME: wardian does not have it"):
        wardian.run(["true"], cap_add=["SYS_TIME"], hostname="lacking")


def test_mount_and_the_like_are_refused() -> None:
    script = "mount -t tmpfs none /mnt; unshare -n true; mknod /tmp/sda b 8 0 && cat /tmp/sda; true"
    result = wardian.run(["sh", "-c", script])
    assert result.stderr.count(b"ermission denied") + result.stderr.count(b"not permitted") >= 3


def test_kernel_files_are_masked_or_read_only() -> None:
    script = """
    wc -c < /proc/keys; wc -c < /proc/timer_list; ls /sys/firmware | wc -l
    echo x > /proc/sys/kernel/hostname
    """
    result = wardian.run(["sh", "-c", script])
    assert result.stdout.split() == [b"0", b"0", b"0"]
    assert b"ead-only file system" in result.stderr
    assert b"ead-only" in wardian.run(["sh", "-c", "mkdir /sys/x"]).stderr


def test_dev_is_minimal_and_works() -> None:
    script = """
    ls /dev; head -c 4 /dev/urandom | wc -c; echo gone > /dev/null; head -c 3 /dev/zero | wc -c
    """
    lines = wardian.run(["sh", "-c", script]).stdout.decode().split()
    wanted = [
        "fd",
        "full",
        "mqueue",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
    ]
    assert lines == [*wanted, "4", "3"]


def test_the_host_s_mounts_processes_and_network_are_not_there() -> None:
    script = """
    cut -d' ' -f5 /proc/self/mountinfo; echo ---; ls -d /proc/[0-9]*; echo ---; cat /proc/net/dev
    """
    mounts, processes, devices = wardian.run(["sh", "-c", script]).stdout.decode().split("---\n")
    assert {line.split("/")[1] for line in mounts.split()} <= {
        "",
        "usr",
        "proc",
        "dev",
        "sys",
        "etc",
    }
    assert len(processes.split()) <= 3
    assert [line.split(":")[0].strip() for line in devices.splitlines()[2:]] == ["lo"]


def test_the_host_base_shows_no_secrets() -> None:
    script = "ls /home /root /srv; ls /etc/shadow /etc/gshadow /etc/ssh /etc/ssl/private; true"
    result = wardian.run(["sh", "-c", script])
    assert result.stdout.split() == [b"/home:", b"/root:", b"/srv:"]
    assert result.stderr.count(b"No such file") == 4


def test_a_profile_of_one_s_own_is_enforced(tmp_path: Path) -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}],
    }
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(profile))
    result = wardian.run(["mkdir", "/tmp/x"], security_opt=[f"seccomp={path}"])
    assert b"No space left" in result.stderr


def test_unconfined_has_no_filter() -> None:
    assert status(security_opt=["seccomp=unconfined"])["Seccomp"] == "0"


def test_new_privileges_can_be_allowed() -> None:
    assert status(security_opt=["no-new-privileges=false"])["NoNewPrivs"] == "0"
