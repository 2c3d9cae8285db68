"""Everything an ordinary user can have, as that user."""

import json
from typing import Any

import pytest

from tests.users import User

pytestmark = pytest.mark.rootless

PRELUDE = "import json, wardian\n"


def in_box(user: User, script: str) -> Any:
    """Run Python code as the ordinary user; returns what it printed as JSON."""
    done = user.python(PRELUDE + script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SHOW = """
r = wardian.run(["sh", "-c", {script!r}]{options})
print(json.dumps([r.exit_code, r.stdout.decode(), r.stderr.decode()]))
"""


def show(user: User, script: str, options: str = "") -> Any:
    """Run a shell script in a box as the ordinary user."""
    return in_box(user, SHOW.format(script=script, options=options and ", " + options))


@pytest.fixture(params=["ordinary_user", "lone_user"])
def anyone(request: pytest.FixtureRequest) -> Any:
    """An ordinary user with subordinate ids, and one without."""
    return request.getfixturevalue(request.param)


def test_a_program_runs_as_root_of_its_own_box(anyone: User) -> None:
    code, out, err = show(anyone, "id -u; hostname; echo $$; exit 3")
    assert (code, out.split()[:2]) == (3, ["0", "wardian"]), err


def test_writes_go_to_a_layer_that_is_thrown_away(anyone: User) -> None:
    code, out, err = show(anyone, "echo x > /srv/new && rm -r /etc/skel && cat /srv/new")
    assert (code, out) == (0, "x\n"), err
    code, out, _err = show(anyone, "ls /srv/new; ls -d /etc/skel")
    assert out == "/etc/skel\n"


def test_deleted_directories_can_be_made_again(anyone: User) -> None:
    script = "rm -r /etc/skel && mkdir /etc/skel && ls -A /etc/skel | wc -l"
    assert show(anyone, script)[1].strip() == "0"


def test_network_is_loopback_only(anyone: User) -> None:
    script = "tail -n +3 /proc/net/dev | cut -d: -f1; ls /sys/class/net"
    assert show(anyone, script)[1].split() == ["lo", "lo"]


def test_the_host_s_network_can_be_shared(anyone: User) -> None:
    code, out, err = show(
        anyone, "cat /proc/net/route | wc -l; ls /sys/class/net", "network='host'"
    )
    assert code == 0, err
    assert "lo" in out


def test_the_default_filter_and_capabilities_hold(anyone: User) -> None:
    _code, out, _err = show(anyone, "grep -E 'Cap(Eff|Bnd)|NoNew|Seccomp:' /proc/self/status")
    assert out.split()[1::2] == ["00000000a80425fb", "00000000a80425fb", "1", "2"]


def test_masked_paths_and_devices_are_there(anyone: User) -> None:
    script = """
    wc -c < /proc/keys; echo x > /dev/null; head -c 2 /dev/zero | wc -c
    echo 1 > /proc/sys/vm/swappiness
    """
    _code, out, err = show(anyone, script)
    assert out.split() == ["0", "2"]
    assert "ead-only" in err


def test_another_user_of_the_box_needs_subordinate_ids(
    ordinary_user: User, lone_user: User
) -> None:
    code, out, err = show(ordinary_user, "id -u; id -g", "user='65534'")
    assert (code, out.split()[0]) == (0, "65534"), err
    done = lone_user.python(PRELUDE + 'wardian.run(["true"], user="65534")')
    assert done.returncode != 0
    assert "subuid" in done.stderr


def test_files_in_a_bound_directory_belong_to_the_user(anyone: User) -> None:
    options = f"volume=['{anyone.home}:/data']"
    code, _out, err = show(anyone, "echo hi > /data/made", options)
    assert code == 0, err
    made = anyone.home / "made"
    assert made.read_text() == "hi\n"
    assert made.stat().st_uid == anyone.uid


def test_a_limit_that_the_user_may_not_set_is_an_error(anyone: User) -> None:
    done = anyone.python(PRELUDE + 'wardian.run(["true"], memory="64m")')
    assert done.returncode != 0
    assert "memory" in done.stderr
    assert "control group" in done.stderr


def test_a_layer_is_kept_listed_and_removed(anyone: User) -> None:
    run = [
        "run",
        "--keep",
        "mine",
        "--",
        "sh",
        "-c",
        "echo x > /srv/new; chmod 700 /srv/new; mkdir -m 0 /srv/shut",
    ]
    assert anyone.wardian(run).returncode == 0
    listed = anyone.wardian(["diff", "mine"])
    assert "A /srv/new" in listed.stdout, listed.stderr
    again = anyone.wardian(["run", "--from-kept", "mine", "--", "cat", "/srv/new"])
    assert again.stdout == "x\n", again.stderr
    removed = anyone.wardian(["rm", "mine"])
    assert removed.returncode == 0, removed.stderr
    assert anyone.wardian(["diff", "mine"]).returncode != 0


def test_a_terminal_works(anyone: User) -> None:
    script = """
import os
c = wardian.Container(["sh", "-c", "test -t 0 && tty"], tty=True)
c.start()
master = c.terminal
text = b""
try:
    while True:
        text += os.read(master, 100)
except OSError:
    pass
print(json.dumps([c.wait().exit_code, text.decode()]))
"""
    code, text = in_box(anyone, script)
    assert (code, text.strip()) == (0, "/dev/pts/0")


def test_the_clock_can_be_moved(anyone: User) -> None:
    code, out, err = show(anyone, "cut -d. -f1 /proc/uptime", "time_offset=['boottime=1000000']")
    assert code == 0, err
    assert int(out) >= 1_000_000


KILLED = """
import os, signal, time
from wardian.kernel import procfs
from wardian.runtime import launch
c = wardian.Container(["sleep", "98764"])
c.start()
os.kill(launch.launcher().pid, signal.SIGKILL)
end = time.monotonic() + 10
def lives():
    return procfs.status(c.pid).get("State", "Z")[0] != "Z"
while lives() and time.monotonic() < end:
    time.sleep(0.02)
print(json.dumps(lives()))
"""


def test_a_box_dies_with_its_launcher(anyone: User) -> None:
    assert in_box(anyone, KILLED) is False
