"""A sandbox inside of another container, whose root has no power over namespaces of its own."""

import json
import subprocess
from typing import Any

import pytest

import wardian
from tests.users import PACKAGE

pytestmark = pytest.mark.root

INSIDE = """
import json, wardian
with wardian.Sandbox(limits={"memory": "64m", "wall": "5s"}) as box:
    mount = "import ctypes; ctypes.CDLL(None).mount(b'x', b'/mnt', b'tmpfs', 0, None); print(1)"
    for argv in (["sh", "-c", "id -u; echo made > out; cat out"], ["python3", "-c", mount]):
        try:
            print(json.dumps(box.run(argv).as_dict()))
        except wardian.LaunchError as error:
            raise SystemExit(f"{error}; {error.hint}")
"""


def outer(*security: str) -> "wardian.Result":
    """Run the script in a box with docker's capabilities, where root may not administer."""
    return wardian.run(
        ["python3", "-c", INSIDE],
        security_opt=["seccomp=unconfined", *security],
        volume=[f"{PACKAGE}:/opt/tested/wardian:ro"],
        env=["PYTHONPATH=/opt/tested", "HOME=/tmp"],
    )


def check(lines: list[str]) -> list[dict[str, Any]]:
    good, bad = found = [json.loads(line) for line in lines]
    assert (good["verdict"], good["stdout"]["text"]) == ("OK", "0\nmade\n")
    assert (bad["verdict"], bad["stdout"]["text"]) == ("VIOLATION", "")
    assert bad["violations"][0]["syscall"] == "mount"
    return found


def test_root_of_an_outer_box_has_sandboxes_of_its_own() -> None:
    done = outer("systempaths=unconfined")
    assert done.exit_code == 0, done.stderr
    found = check(done.stdout.decode().splitlines())
    told = " ".join(found[0]["degraded"])
    for word in ("memory:", "processes: no limit", "cpu:", "freeze:"):
        assert word in told, told


def test_an_outer_box_that_covers_proc_is_told_what_lacks() -> None:
    done = outer()
    assert done.exit_code != 0
    assert b'mount "proc" on "/proc": operation not permitted' in done.stderr
    assert b"systempaths=unconfined" in done.stderr


@pytest.mark.parametrize(
    ("capabilities", "works"), [("-all,+setfcap", True), ("-sys_admin", True), ("-all", False)]
)
def test_capabilities_decide_and_not_the_number_of_the_user(
    capabilities: str, *, works: bool
) -> None:
    done = subprocess.run(
        ["setpriv", f"--bounding-set={capabilities}", "--inh-caps=-all", "python3", "-c", INSIDE],
        env={"PYTHONPATH": str(PACKAGE.parent), "HOME": "/tmp", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if works:
        check(done.stdout.splitlines())
    else:  # since Linux 5.12 only who has CAP_SETFCAP may map id 0
        assert 'write "/proc/self/uid_map": operation not permitted' in done.stderr
