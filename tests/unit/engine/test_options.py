"""Docker's words in, checked values out."""

from pathlib import Path
from typing import Any

import pytest

from wardian.engine import options, resource_words
from wardian.engine.options import Options
from wardian.errors import UnsupportedError, UsageError


def parse(**words: Any) -> Options:
    return Options.parse(["true"], **words)


def test_the_defaults_are_docker_s_where_docker_has_them() -> None:
    found = parse()
    assert found.command == ["true"]
    assert (found.rootfs, found.scratch, found.closure) == (None, False, [])
    assert (found.env, found.user, found.workdir, found.mounts) == ([], None, None, [])
    assert (found.hostname, found.network, found.read_only) == ("wardian", "none", False)
    assert (found.cap_add, found.cap_drop, found.seccomp) == ([], [], "default")
    assert found.no_new_privileges
    assert found.init
    assert (found.stop_signal, found.stop_timeout_s, found.timeout_s) == (15, 10.0, None)
    assert (found.resources, found.rlimits) == ({}, [])
    assert found.shm_size_bytes == 64 << 20


def test_none_is_not_given() -> None:
    assert parse(rootfs=None, memory=None, env=None, init=None).init


def test_python_callers_may_use_python_s_types(tmp_path: Path) -> None:
    found = parse(
        rootfs=tmp_path,
        env={"A": 1},
        user=1000,
        memory=64 << 20,
        timeout=2.5,
        cap_drop="ALL",
        volume=(f"{tmp_path}:/data",),
        sysctl={"net.core.somaxconn": 5},
        time_offset={"boottime": -60},
        group_add=5,
    )
    assert found.rootfs == str(tmp_path)
    assert found.env == ["A=1"]
    assert (found.user, found.group_add) == ("1000", ["5"])
    assert found.resources["memory"]["limit"] == 64 << 20
    assert found.timeout_s == 2.5
    assert found.cap_drop == ["ALL"]
    assert found.mounts[0].target == "/data"
    assert found.sysctl == {"net.core.somaxconn": "5"}
    assert found.time_offsets == {"boottime": -60}
    assert Options.parse([b"/bin/\xff", Path("/x"), 5]).command == ["/bin/\udcff", "/x", "5"]  # type: ignore[list-item]
    assert Options.parse("true").command == ["true"]


def test_names_may_have_commas_between() -> None:
    assert parse(cap_add=["NET_ADMIN,SYS_PTRACE", "CHOWN"]).cap_add == [
        "NET_ADMIN",
        "SYS_PTRACE",
        "CHOWN",
    ]


@pytest.mark.parametrize(
    ("words", "source", "restricted"),
    [
        ({"security_opt": ["seccomp=unconfined"]}, "unconfined", True),
        ({"security_opt": ["seccomp:unconfined"]}, "unconfined", True),
        ({"security_opt": ["seccomp=builtin"]}, "default", True),
        ({"security_opt": ["seccomp=/p.json", "no-new-privileges"]}, "/p.json", True),
        ({"security_opt": ["no-new-privileges:false"]}, "default", False),
        ({"security_opt": "no-new-privileges=true"}, "default", True),
        ({"seccomp_allow": "read, write,"}, ("allow", ("read", "write")), True),
        ({"seccomp_allow": ["read", "write"]}, ("allow", ("read", "write")), True),
    ],
)
def test_security_words_are_docker_s(words: dict[str, Any], source: Any, restricted: bool) -> None:
    found = parse(**words)
    assert found.seccomp == source
    assert found.no_new_privileges == restricted


def test_the_last_ulimit_of_a_name_counts() -> None:
    found = parse(ulimit=["nofile=5", "core=0", "nofile=6:7"])
    assert found.rlimits == [("RLIMIT_NOFILE", 6, 7), ("RLIMIT_CORE", 0, 0)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"bogus": 1}, 'unknown option "bogus"'),
        ({"rootfs": "/", "scratch": True}, "exclude each other"),
        ({"closure": ["ls"]}, "--closure needs --scratch"),
        ({"keep": "a", "from_kept": "b"}, "exclude each other"),
        ({"scratch": True, "keep": "a"}, "no layer"),
        ({"init": "false"}, 'init "false": not True or False'),
        ({"read_only": 1}, 'read-only "1": not True or False'),
        ({"rootfs": ""}, "rootfs: the value is empty"),
        ({"keep": ""}, "keep: the value is empty"),
        ({"env": ["A=1", ""]}, "env: the value is empty"),
        ({"rootfs": "/a\0b"}, "rootfs: the value holds a NUL byte"),
        ({"volume": ["/a\0:/b"]}, "volume: the value holds a NUL byte"),
        ({"env": {"A": "x\0"}}, "NUL byte"),
        ({"env": {"A\0": "x"}}, "NUL byte"),
        ({"workdir": "relative"}, 'workdir "relative"'),
        ({"hostname": "a b"}, 'hostname "a b"'),
        ({"hostname": "a\nb"}, "hostname"),
        ({"hostname": "é"}, "hostname"),
        ({"hostname": "x" * 65}, "hostname"),
        ({"domainname": "a/b"}, "not a host name"),
        ({"timeout": "0"}, "timeout"),
        ({"timeout": "soon"}, 'timeout "soon"'),
        ({"stop_timeout": "-2"}, 'stop-timeout "-2"'),
        ({"stop_signal": "BANG"}, 'stop-signal "BANG"'),
        ({"shm_size": "x"}, 'shm-size "x"'),
        ({"storage_size": "x"}, 'storage-size "x"'),
        ({"security_opt": ["bogus"]}, 'security-opt "bogus"'),
        ({"security_opt": ["seccomp="]}, "security-opt"),
        ({"security_opt": ["no-new-privileges=maybe"]}, "security-opt"),
        ({"security_opt": ["seccomp=/p"], "seccomp_allow": "read"}, "exclude each other"),
        ({"seccomp_allow": ","}, "names no system call"),
        ({"sysctl": ["vm.swappiness=1"]}, "the whole machine"),
        ({"time_offset": ["realtime=1"]}, "no such clock"),
    ],
)
def test_a_wrong_value_is_named(words: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as found:
        parse(**words)
    assert message in str(found.value)


@pytest.mark.parametrize(
    "words",
    [
        {"network": "bridge"},
        {"network": "container:x"},
        {"security_opt": ["apparmor=x"]},
        {"security_opt": ["label=disable"]},
    ],
)
def test_what_is_not_there_yet_is_an_error(words: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="not there yet"):
        parse(**words)


@pytest.mark.parametrize("command", [[], [""], ""])
def test_a_program_is_needed(command: Any) -> None:
    with pytest.raises(UsageError, match="no command"):
        Options.parse(command)


def test_a_string_that_execve_would_refuse_is_named() -> None:
    with pytest.raises(
        UsageError, match=r'argument "xxx.* has 131073 bytes: the kernel takes 131072'
    ):
        Options.parse(["true", "x" * 131072])
    Options.parse(["true", "x" * 131071])
    with pytest.raises(UsageError, match="holds a NUL"):
        Options.parse(["true", "a\0"])


def test_every_limit_that_is_read_is_a_known_word() -> None:
    assert set(resource_words.KEYWORDS) == options.LIMITS
