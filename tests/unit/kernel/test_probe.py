"""The cheap facts about a machine."""

import os

import pytest

from wardian.kernel import probe


def facts_of(release: str, *, uid: int = 1000, namespaces: tuple[str, ...] = ()) -> probe.Facts:
    return probe.Facts(
        uid=uid, gid=uid, machine="x86_64", release=release, namespaces=frozenset(namespaces)
    )


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("6.18.44-fc-v595", (6, 18)),
        ("5.12", (5, 12)),
        ("5.15.0-1041-azure", (5, 15)),
        ("6.1-rc3", (6, 1)),
        ("4.19.112+", (4, 19)),
        ("", (0, 0)),
        ("6", (0, 0)),
        ("linux.6", (0, 0)),
        ("6.x", (0, 0)),
        ("\u0666.\u0661", (0, 0)),
    ],
)
def test_a_kernel_release_gives_its_version(release: str, expected: tuple[int, int]) -> None:
    assert probe.version(release) == expected


def test_an_ordinary_user_mounts_overlays_only_in_a_user_namespace() -> None:
    assert facts_of("6.1", namespaces=("user",)).can_mount_overlay
    assert not facts_of("6.1").can_mount_overlay
    assert not facts_of("5.10", namespaces=("user",)).can_mount_overlay
    assert facts_of("5.10", uid=0).can_mount_overlay


def test_features_follow_the_kernel_version() -> None:
    assert facts_of("6.6").tmpfs_user_xattr
    assert not facts_of("6.5").tmpfs_user_xattr
    assert facts_of("5.14").has_cgroup_kill
    assert not facts_of("5.13").has_cgroup_kill


def test_facts_are_of_this_process_and_looked_up_once() -> None:
    probe.forget()
    facts = probe.facts()
    assert facts.uid == os.geteuid()
    assert facts.gid == os.getegid()
    assert facts.machine == os.uname().machine
    assert facts.kernel > (0, 0)
    assert probe.facts() is facts
    probe.forget()
    assert probe.facts() is not facts


def test_the_lists_of_processors_and_memory_nodes_are_never_empty() -> None:
    assert probe.cpus()[0].isdigit()
    assert probe.mems()[0].isdigit()
