"""What doctor concludes from what it finds."""

import errno
import os
from pathlib import Path

import pytest

from wardian.kernel import attempts, capabilities, checks, probe

SWITCHES = dict.fromkeys(checks.USERNS_SYSCTLS, "")


def facts_of(uid: int = 0, release: str = "6.18.1", machine: str = "x86_64") -> probe.Facts:
    return probe.Facts(
        uid=uid, gid=uid, machine=machine, release=release, namespaces=frozenset(("user", "time"))
    )


def rows(**answers: str) -> list[checks.Check]:
    found = {"cgroups": "yes", "subordinate_ids": "yes", **answers}
    return [
        checks.Check(
            "system",
            name.replace("_", " "),
            answer,
            "seen",
            remedy="do",
            needed=name == "overlayfs",
        )
        for name, answer in found.items()
    ]


def test_an_old_kernel_is_a_no_that_names_the_oldest_that_will_do() -> None:
    check = checks.check_kernel(facts_of(release="5.4.0"))
    assert check.answer == checks.NO
    assert check.needed
    assert "5.12" in check.remedy


def test_a_kernel_between_says_what_it_lacks() -> None:
    check = checks.check_kernel(facts_of(release="5.15.0"))
    assert check.answer == checks.YES
    assert "memory.peak" in check.detail
    assert "cgroup.kill" not in check.detail


def test_an_unknown_architecture_is_not_refused() -> None:
    check = checks.check_architecture(facts_of(machine="s390x"))
    assert (check.answer, check.needed) == (checks.PARTLY, False)


@pytest.mark.parametrize(
    ("number", "switches", "word"),
    [
        (errno.ENOSPC, {"user.max_user_namespaces": "0"}, "user.max_user_namespaces=15000"),
        (errno.EPERM, {"kernel.unprivileged_userns_clone": "0"}, "userns_clone=1"),
        (
            errno.EACCES,
            {"kernel.apparmor_restrict_unprivileged_userns": "1"},
            "apparmor_restrict_unprivileged_userns=0",
        ),
        (errno.ENOSPC, {"user.max_user_namespaces": "9"}, "too many"),
        (errno.EINVAL, {}, "CONFIG_USER_NS"),
        (errno.EPERM, {}, "seccomp"),
    ],
)
def test_the_switch_that_forbids_user_namespaces_is_named(
    number: int, switches: dict[str, str], word: str
) -> None:
    assert word in checks.userns_remedy(number, {**SWITCHES, **switches})


def test_a_missing_capability_of_root_is_named() -> None:
    every = (1 << (capabilities.last() + 1)) - 1
    held = every & ~(1 << capabilities.number("SYS_RESOURCE"))
    check = checks.check_capabilities(facts_of(), f"Name:\tx\nCapEff:\t{held:016x}\n")
    assert check.answer == checks.PARTLY
    assert "CAP_SYS_RESOURCE" in check.detail


def test_root_without_sys_admin_can_not_run_boxes() -> None:
    check = checks.check_capabilities(facts_of(), "CapEff:\t00000000a80425fb\n")
    assert check.answer == checks.NO
    assert not checks.is_ready([check])


def test_an_ordinary_user_needs_no_capability() -> None:
    assert checks.check_capabilities(facts_of(uid=1000), "CapEff:\t0\n").answer == checks.YES


@pytest.mark.parametrize(
    ("label", "answer"),
    [
        ("unconfined\n", "yes"),
        ("", "yes"),
        ("kernel", "yes"),
        ("docker-default (enforce)\n\0", "partly"),
    ],
)
def test_confinement_by_a_security_module_is_told(label: str, answer: str) -> None:
    assert checks.check_lsm("capability,apparmor", label).answer == answer


def test_emulators_are_listed_by_architecture() -> None:
    check = checks.check_binfmt(["register", "status", "qemu-riscv64", "qemu-aarch64"])
    assert (check.answer, check.detail) == (checks.YES, "aarch64, riscv64")
    assert "not mounted" in checks.check_binfmt([]).detail


def test_a_launcher_that_is_not_executable_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "launcher"
    assert checks.check_launcher(str(path)).answer == checks.NO
    path.write_text("")
    path.chmod(0o755)
    assert checks.check_launcher(str(path)).answer == checks.YES


def test_all_controllers_are_a_yes_and_devices_need_none_on_v2() -> None:
    full = ("memory", "cpu", "cpuset", "pids", "io")
    assert checks.check_limits("v2", full, "", facts_of()).answer == checks.YES
    assert checks.check_limits("v1", (*full, "devices"), "", facts_of()).answer == checks.YES
    check = checks.check_limits("v1", full, "", facts_of())
    assert check.answer == checks.PARTLY
    assert "without devices" in check.detail


def test_a_user_who_may_not_make_groups_learns_how_to_get_them() -> None:
    failed = "mkdir(...): permission denied"
    check = checks.check_limits("v2", (), failed, facts_of(uid=1000))
    assert check.answer == checks.NO
    assert "Delegate" in check.remedy
    assert "root" in checks.check_limits("v1", (), failed, facts_of(uid=1000)).remedy


def test_without_limits_a_box_can_still_run() -> None:
    found = rows(overlayfs="yes", cgroups="no")
    assert checks.is_ready(found)
    assert checks.verdict(found, facts_of()).startswith("ready: boxes as root, without limits")


def test_the_verdict_names_what_is_missing() -> None:
    found = rows(overlayfs="no")
    assert not checks.is_ready(found)
    assert checks.verdict(found, facts_of()) == "not ready: overlayfs"


def test_the_verdict_tells_an_ordinary_user_about_its_ids() -> None:
    facts = facts_of(uid=1000)
    assert "with subordinate ids" in checks.verdict(rows(), facts)
    assert "with one id" in checks.verdict(rows(subordinate_ids="partly"), facts)


def test_a_remedy_stands_only_beside_what_is_missing() -> None:
    assert checks.Check("system", "x", checks.YES, remedy="do").remedy == ""
    assert checks.Check("system", "x", checks.NO, remedy="do").remedy == "do"


def test_every_attempt_has_a_remedy_and_a_group() -> None:
    for attempt in attempts.ATTEMPTS:
        assert attempt.group in checks.GROUPS
        assert attempt.remedy
        assert attempt.name


def test_a_trial_that_dies_is_a_no_with_its_last_words() -> None:
    worked, detail, _number = attempts.try_out("no such trial")
    assert not worked
    assert "KeyError" in detail


def test_a_trial_needs_no_privilege_to_answer() -> None:
    worked, detail, number = attempts.try_out("pidfd")
    assert worked or (detail.startswith("pidfd_open") and os.strerror(number).lower() in detail)
