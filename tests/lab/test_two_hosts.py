"""Two machines on one network: the first has the tests, and runs commands on the second."""

import pytest

from lab.peer import Peer

pytestmark = [pytest.mark.root, pytest.mark.lab_hosts]


@pytest.fixture(scope="module")
def peer() -> Peer:
    return Peer()


def test_a_command_runs_on_the_other_host(peer: Peer) -> None:
    done = peer.run(["sh", "-c", "cat; hostname; exit 3"], input=b"sent\n")
    assert (done.returncode, done.stdout) == (3, b"sent\nhost2\n")


def test_a_command_that_is_not_there_is_an_error(peer: Peer) -> None:
    with pytest.raises(OSError, match="No such file"):
        peer.run(["/nowhere/program"])


def test_both_hosts_reach_each_other_by_name(peer: Peer) -> None:
    import subprocess

    there = peer.run(["ping", "-c", "1", "-W", "10", "host1"])
    assert there.returncode == 0, there.stdout
    here = subprocess.run(
        ["ping", "-c", "1", "-W", "10", "host2"], check=False, capture_output=True
    )
    assert here.returncode == 0, here.stdout


def test_a_box_on_the_other_host_has_the_same_plan(peer: Peer) -> None:
    import wardian

    mine = wardian.run(["true"], memory="64m")
    code = 'import wardian; print(wardian.run(["true"], memory="64m").plan_hash)'
    done = peer.run(["python3", "-c", code], timeout_s=300)
    assert done.stdout.decode().strip() == mine.plan_hash, done.stderr
