"""Leases: what is relied on is known to all, for as long as its process lives."""

import os
from pathlib import Path

import pytest

from wardian.images import leases
from wardian.images.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


def held(layout: Layout) -> set[tuple[str, str]]:
    with layout.locked():
        return leases.held(layout)


def test_what_is_leased_is_held_until_it_is_closed(layout: Layout) -> None:
    with leases.Lease(layout) as one, leases.Lease(layout) as other:
        one.add(leases.BLOB, "sha256:a", "sha256:b")
        one.add(leases.BLOB, "sha256:a")
        other.add(leases.IMAGE, "sha256:c")
        assert held(layout) == {
            ("blob", "sha256:a"),
            ("blob", "sha256:b"),
            ("image", "sha256:c"),
        }
        other.close()
        assert held(layout) == {("blob", "sha256:a"), ("blob", "sha256:b")}
    assert held(layout) == set()
    assert os.listdir(f"{layout.path}/leases") == []


def test_a_copy_of_the_descriptor_keeps_it(layout: Layout) -> None:
    """The launcher of a box has one."""
    lease = leases.Lease(layout)
    lease.add(leases.LAYER, "sha256:a")
    copy = os.dup(lease.fd)
    os.close(lease.fd)  # as the kernel does when its process dies
    assert held(layout) == {("layer", "sha256:a")}
    os.close(copy)
    assert held(layout) == set()
    assert os.listdir(f"{layout.path}/leases") == []


def test_the_lease_of_a_dead_process_counts_no_more(layout: Layout) -> None:
    Path(layout.path, "leases", "1-dead").write_text("blob sha256:a\n")
    assert held(layout) == set()
    assert os.listdir(f"{layout.path}/leases") == []
