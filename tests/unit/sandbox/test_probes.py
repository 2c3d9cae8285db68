"""Libraries that look what there is are told by the file that calls."""

import os
import subprocess
import sys

import pytest

from wardian.errors import SpecError
from wardian.kernel.seccomp_notify import Notification
from wardian.sandbox import policy_files, probes
from wardian.sandbox.policy import Probe

SOCKET = {"socket": Probe("EAFNOSUPPORT", ("libnet.so",))}


def test_a_policy_names_the_call_the_errno_and_the_files() -> None:
    table = {"probes": {"socket": {"errno": "EAFNOSUPPORT", "files": ["libnet.so"]}}}
    assert policy_files.from_dict(table).probes == SOCKET


@pytest.mark.parametrize(
    "probe",
    [
        {"errno": "ENOTHING", "files": []},
        {"errno": "EPERM"},
        {"errno": "EPERM", "files": "libnet.so"},
        {"errno": "EPERM", "files": [], "more": 1},
        7,
    ],
)
def test_what_is_no_probe_is_refused(probe: object) -> None:
    with pytest.raises(SpecError):
        policy_files.from_dict({"probes": {"socket": probe}})


def test_other_calls_are_none() -> None:
    assert probes.answer({}, Notification(bytearray(80))) == 0


def test_a_process_that_waits_in_the_c_library_is_called_from_python() -> None:
    """A sleeping interpreter: the word on its stack leads into a file below /usr, or to none."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not probes.is_from(child.pid, ("libnet.so",))
    finally:
        child.communicate(b"\n")
    assert not probes.is_from(child.pid, (os.path.basename(sys.executable),))
