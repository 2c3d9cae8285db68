"""The default profile is docker's, and the cache never gives a wrong or a weaker filter."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wardian.engine import profiles
from wardian.errors import NotFoundError, SpecError, UnsupportedError, UsageError
from wardian.kernel import capabilities, seccomp
from wardian.runtime import filter_cache
from wardian.runtime.filter_cache import SeccompFilter

Document = dict[str, Any]
Source = str | tuple[str, list[str]]

DEFAULT_MASK = capabilities.mask(profiles.DEFAULT_CAPABILITIES)
_JSON = Path(profiles.__file__).with_name("seccomp_default.json")
_PODMAN = Path("/usr/share/containers/seccomp.json")


@pytest.fixture(autouse=True)
def _forget() -> None:
    profiles._remembered.clear()


def _filter(cache: Path, source: Source = "default", caps: int = DEFAULT_MASK) -> SeccompFilter:
    found = profiles.seccomp_filter(source, caps=caps, cache_dir=str(cache))
    assert found is not None
    return found


def _resolved(path: Path, caps: int, arch: str) -> dict[str, set[str]]:
    """Give for each call what can happen to it: the actions with their conditions, as words."""
    profile = json.loads(path.read_text())
    document = seccomp.resolve(profile, caps=caps, arch=arch, kernel=(6, 1))
    effects: dict[str, set[str]] = {}
    for rule in document["syscalls"]:
        effect = json.dumps([rule["action"], rule.get("errnoRet"), rule.get("args")])
        for name in rule["names"]:
            effects.setdefault(name, set()).add(effect)
    return effects


# What docker allows and podman 4.3, which is older, does not.
_NEWER_THAN_PODMAN = {
    "cachestat",
    "fchmodat2",
    "futex_requeue",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "getxattrat",
    "io_pgetevents",
    "io_pgetevents_time64",
    "listmount",
    "listxattrat",
    "lsm_get_self_attr",
    "lsm_list_modules",
    "lsm_set_self_attr",
    "map_shadow_stack",
    "mseal",
    "quotactl_fd",
    "removexattrat",
    "riscv_hwprobe",
    "set_mempolicy_home_node",
    "setxattrat",
    "statmount",
    "uretprobe",
    "vmsplice",
}
# What podman allows to all, and docker with a capability or never; and words that are no calls.
_MORE_IN_PODMAN = {
    "clone3",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "get_mempolicy",
    "keyctl",
    "mbind",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "pidfd_getfd",
    "pivot_root",
    "query_module",
    "readdir",
    "reboot",
    "set_mempolicy",
    "setns",
    "sigaction",
    "signal",
    "sigpending",
    "sigsuspend",
    "syscall",
    "syslog",
    "timerfd",
    "umount",
    "umount2",
    "unshare",
}
# podman refuses the audit protocol of netlink, docker families that are not in a list; podman lets
# clone make namespaces, which without privileges asks for a user namespace.
_OTHER_CONDITIONS = {"socket", "clone"}


@pytest.mark.skipif(not _PODMAN.exists(), reason="golang-github-containers-common is missing")
@pytest.mark.parametrize("caps", [0, DEFAULT_MASK, (1 << 41) - 1])
@pytest.mark.parametrize("arch", ["amd64", "arm64", "s390x"])
def test_the_default_differs_from_podman_s_only_where_docker_does(caps: int, arch: str) -> None:
    ours, theirs = _resolved(_JSON, caps, arch), _resolved(_PODMAN, caps, arch)
    refused = {json.dumps(["SCMP_ACT_ERRNO", value, None]) for value in (None, 1, 38)}
    for name in {*ours, *theirs}:
        here, there = ours.get(name, set()) - refused, theirs.get(name, set()) - refused
        if not there:
            assert not here or name in _NEWER_THAN_PODMAN
        elif not here:
            assert name in _MORE_IN_PODMAN
        else:
            assert here == there or name in _OTHER_CONDITIONS


# docker's table: what each capability adds on x86_64.
_ADDED = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_ADMIN": "bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie"
    " lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree"
    " perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2"
    " unshare clone",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
}


@pytest.mark.parametrize("name", capabilities.NAMES)
def test_a_capability_opens_the_calls_that_docker_opens(name: str) -> None:
    without, with_it = (
        _resolved(_JSON, mask, "x86_64") for mask in (0, 1 << capabilities.number(name))
    )
    changed = {call for call in {*without, *with_it} if without.get(call) != with_it.get(call)}
    assert changed == set(_ADDED.get(name, "").split())


def test_only_names_that_exist_are_in_the_default() -> None:
    libseccomp = pytest.importorskip("wardian.kernel.libseccomp")
    profile = json.loads(_JSON.read_text())
    names = {name for rule in profile["syscalls"] for name in rule["names"]}
    assert libseccomp.unknown_calls(sorted(names)) == {}
    assert all(rule.get("comment") for rule in profile["syscalls"])


def test_the_key_of_the_cache_knows_every_capability_that_the_default_asks_for() -> None:
    asked = {
        name
        for rule in json.loads(_JSON.read_text())["syscalls"]
        for key in ("includes", "excludes")
        for name in rule.get(key, {}).get("caps", ())
    }
    assert capabilities.mask(asked) == profiles._DEFAULT_CONDITIONS


def test_the_defaults_are_docker_s() -> None:
    assert DEFAULT_MASK == 0xA80425FB
    assert len(profiles.DEFAULT_CAPABILITIES) == 14
    assert set(profiles.masked_paths()) >= set(profiles.MASKED_PATHS)
    assert not set(profiles.MASKED_PATHS) & set(profiles.READONLY_PATHS)


def test_unconfined_is_no_filter(tmp_path: Path) -> None:
    found = profiles.seccomp_filter("unconfined", caps=0, cache_dir=str(tmp_path))
    assert found is None


def _same(one: SeccompFilter, other: SeccompFilter) -> bool:
    return (one.digest, one.bpf, one.flags) == (other.digest, other.bpf, other.flags)


def test_the_second_filter_comes_from_the_cache(tmp_path: Path) -> None:
    cache = tmp_path / "made" / "here"
    first = _filter(cache)
    (entry,) = cache.iterdir()
    assert entry.stat().st_mode & 0o7777 == 0o600
    assert cache.stat().st_mode & 0o7777 == 0o700
    before = entry.stat().st_ino
    profiles._remembered.clear()
    assert _same(_filter(cache), first)
    assert entry.stat().st_ino == before


def test_a_hit_imports_nothing_heavy(tmp_path: Path) -> None:
    _filter(tmp_path)
    code = (
        "import os, sys; before = set(sys.modules);"
        "from wardian.engine import profiles;"
        f"profiles.seccomp_filter('default', caps={DEFAULT_MASK}, cache_dir={str(tmp_path)!r});"
        "print(*sorted(set(sys.modules) - before))"
    )
    path = os.pathsep.join([str(_JSON.parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= {
        *("wardian", "wardian.engine", "wardian.engine.profiles", "wardian.errors"),
        *("wardian.runtime", "wardian.runtime.filter_cache"),
    }


def test_capabilities_that_no_rule_asks_for_share_an_entry(tmp_path: Path) -> None:
    _filter(tmp_path, caps=0)
    _filter(tmp_path, caps=1 << capabilities.CAP_CHOWN)
    assert len(list(tmp_path.iterdir())) == 1
    _filter(tmp_path, caps=1 << capabilities.CAP_SYS_ADMIN)
    assert len(list(tmp_path.iterdir())) == 2


def _damaged(content: bytes) -> list[bytes]:
    cut = [content[:length] for length in (0, 1, 30, len(content) // 2, len(content) - 1)]
    places = (0, 30, 200, 300, len(content) // 2, len(content) - 9, len(content) - 1)
    flipped = [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in places
    ]
    return [*cut, *flipped, content + b"\0", b"\0" * len(content)]


def test_a_damaged_entry_is_made_anew(tmp_path: Path) -> None:
    good = _filter(tmp_path, ("allow", ["read"]))
    (entry,) = tmp_path.iterdir()
    content = entry.read_bytes()
    for damaged in _damaged(content):
        entry.write_bytes(damaged)
        profiles._remembered.clear()
        assert _same(_filter(tmp_path, ("allow", ["read"])), good)
        assert entry.read_bytes() == content


def test_an_entry_for_something_else_is_not_taken(tmp_path: Path) -> None:
    weak = _filter(tmp_path / "a", ("allow", ["read", "ptrace"]))
    strong = _filter(tmp_path / "b", ("allow", ["read"]))
    (other,), (entry,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    entry.write_bytes(other.read_bytes())
    profiles._remembered.clear()
    again = _filter(tmp_path / "b", ("allow", ["read"]))
    assert _same(again, strong)
    assert again.bpf != weak.bpf


def _plant(cache: Path, source: Source) -> tuple[Path, bytes]:
    """Put a well-formed entry with another program where the right one is."""
    _filter(cache, source)
    (entry,) = cache.iterdir()
    content = entry.read_bytes()
    body = content[:-16] + b"\x06\0\0\0\0\0\xff\x7f"
    planted = body + filter_cache._checksum(body).to_bytes(8, "little")
    entry.write_bytes(planted)
    profiles._remembered.clear()
    return entry, planted


@pytest.mark.parametrize("how", ["group may write", "others may write", "link", "open directory"])
def test_an_entry_that_others_may_have_written_is_not_believed(tmp_path: Path, how: str) -> None:
    source = ("allow", ["read"])
    good = _filter(tmp_path / "good", source)
    cache = tmp_path / "cache"
    entry, planted = _plant(cache, source)
    assert _filter(cache, source).bpf != good.bpf
    profiles._remembered.clear()
    if how == "link":
        entry.rename(tmp_path / "elsewhere")
        entry.symlink_to(tmp_path / "elsewhere")
    elif how == "open directory":
        cache.chmod(0o777)
    else:
        entry.chmod(0o620 if how == "group may write" else 0o602)
    assert _same(_filter(cache, source), good)
    if how == "open directory":
        assert entry.read_bytes() == planted
    else:
        assert entry.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_an_entry_of_another_user_is_not_believed(tmp_path: Path) -> None:
    source = ("allow", ["read"])
    good = _filter(tmp_path / "good", source)
    entry, _ = _plant(tmp_path / "cache", source)
    os.chown(entry, 65534, 65534)
    assert _same(_filter(tmp_path / "cache", source), good)
    assert entry.stat().st_uid == 0


def test_a_cache_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert _same(_filter(blocked), _filter(tmp_path / "fine"))


def _write(path: Path, **changes: object) -> str:
    rule = {"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7}
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule], **changes}))
    return str(path)


def test_a_changed_profile_is_compiled_anew(tmp_path: Path) -> None:
    source = _write(tmp_path / "p.json")
    first = _filter(tmp_path / "cache", source)
    _write(tmp_path / "p.json", syscalls=[{"names": ["uname"], "action": "SCMP_ACT_KILL"}])
    second = _filter(tmp_path / "cache", source)
    assert first.bpf != second.bpf
    assert first.digest != second.digest
    assert first.flags == second.flags == 4


def test_the_digest_of_the_default_does_not_depend_on_the_cache(tmp_path: Path) -> None:
    one, other = _filter(tmp_path / "a"), _filter(tmp_path / "b")
    assert one.digest == other.digest
    document = seccomp.resolve(
        json.loads(_JSON.read_text()),
        caps=DEFAULT_MASK,
        arch=os.uname().machine,
        kernel=profiles._version(os.uname().release),
    )
    assert one.digest == seccomp.digest(document)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("\xff\xfe", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "must be an object"),
        ("{}", "defaultAction"),
        (" " * (1 << 20) + "{}", "larger than"),
    ],
)
def test_a_bad_profile_names_the_file(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SpecError, match=text) as caught:
        _filter(tmp_path / "cache", str(path))
    assert f'"{path}"' in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_fault_in_a_profile_keeps_its_json_path(tmp_path: Path) -> None:
    source = _write(tmp_path / "p.json", syscalls=[{"names": ["read"], "action": "X"}])
    with pytest.raises(SpecError) as caught:
        _filter(tmp_path, source)
    assert caught.value.where == "syscalls[0].action"
    assert f'seccomp profile "{source}", syscalls[0].action: ' in str(caught.value)


def test_what_is_no_readable_file_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        _filter(tmp_path, str(tmp_path / "missing.json"))
    with pytest.raises(UsageError, match="is a directory"):
        _filter(tmp_path, str(tmp_path))
    with pytest.raises(UsageError, match="null"):
        _filter(tmp_path, "a\0b")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpecError, match="no JSON"):
        _filter(tmp_path, str(tmp_path / "pipe"))


def test_a_profile_that_asks_a_supervisor_is_refused(tmp_path: Path) -> None:
    source = _write(
        tmp_path / "p.json", syscalls=[{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]
    )
    with pytest.raises(UnsupportedError, match="supervisor"):
        _filter(tmp_path, source)


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.1.99-amd64", (6, 1)), ("6.18-rc3", (6, 18)), ("5.10", (5, 10)), ("7.0+", (7, 0))],
)
def test_a_kernel_s_version_is_its_first_two_numbers(
    release: str, version: tuple[int, int]
) -> None:
    assert profiles._version(release) == version
