"""An ordinary user runs images, with and without subordinate ids; another processor's too."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.foreign import busybox
from tests.machine import requires
from tests.users import User

pytestmark = pytest.mark.rootless

PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/var/www:/bin/sh\n"


@pytest.fixture(params=["ordinary_user", "lone_user"])
def anyone(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def give(user: User, program: str | Path) -> str:
    """Make a root file system of a busybox in the user's home; returns its name."""
    name = f"root-{uuid.uuid4().hex[:8]}"
    top = user.home / name
    for directory in ("bin", "etc", "tmp"):
        (top / directory).mkdir(parents=True)
    shutil.copy(program, top / "bin/busybox")
    for applet in ("sh", "id", "cat", "uname", "touch", "rm", "stat"):
        (top / "bin" / applet).symlink_to("busybox")
    (top / "etc/passwd").write_text(PASSWD)
    (top / "etc/group").write_text("root:x:0:\nwww:x:34:\n")
    for path in (top, *top.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return name


@pytest.fixture
def root(anyone: User) -> Iterator[str]:
    requires("busybox")
    name = give(anyone, shutil.which("busybox") or "")
    yield name
    anyone.run(["rm", "-rf", name])


def test_an_image_runs_is_kept_and_committed(anyone: User, root: str) -> None:
    done = anyone.wardian(["import", "-c", 'CMD ["cat", "/etc/passwd"]', root, "app:1"])
    assert done.returncode == 0, done.stderr
    done = anyone.wardian(["run", "app:1"])
    assert (done.stdout, done.stderr) == (PASSWD, "")
    script = "id -u > /etc/new; rm /bin/stat; touch /bin/x"
    done = anyone.wardian(["run", "--keep", root, "app:1", "sh", "-c", script])
    assert done.returncode == 0, done.stderr
    changes = anyone.wardian(["diff", root]).stdout.splitlines()
    assert {"A /bin/x", "D /bin/stat", "A /etc/new"} <= set(changes)
    done = anyone.wardian(["commit", root, "app:2"])
    assert done.returncode == 0, done.stderr
    assert anyone.wardian(["run", "app:2", "cat", "/etc/new"]).stdout == "0\n"
    assert anyone.wardian(["run", "app:2", "/bin/stat", "/etc"]).returncode == 127
    assert anyone.wardian(["run", "app:1", "/bin/stat", "/etc"]).returncode == 0
    for words in (["rm", root], ["rmi", "app:1", "app:2"]):
        done = anyone.wardian(words)
        assert done.returncode == 0, done.stderr


def test_the_image_s_user_is_one_of_the_subordinate_ids(ordinary_user: User) -> None:
    requires("busybox", "newuidmap")
    name = give(ordinary_user, shutil.which("busybox") or "")
    ordinary_user.wardian(["import", "-c", "USER web", "-c", 'CMD ["id"]', name, "web:1"])
    assert ordinary_user.wardian(["run", "web:1"]).stdout == "uid=33(web) gid=34(www)\n"
    script = "echo x > /tmp/mine"
    done = ordinary_user.wardian(["run", "--keep", name, "-u", "0", "web:1", "sh", "-c", script])
    assert done.returncode == 0, done.stderr
    assert "A /tmp/mine" in ordinary_user.wardian(["diff", name]).stdout
    ordinary_user.wardian(["rm", name])
    ordinary_user.wardian(["rmi", "web:1"])


def test_without_subordinate_ids_another_user_is_refused(lone_user: User) -> None:
    requires("busybox")
    name = give(lone_user, shutil.which("busybox") or "")
    lone_user.wardian(["import", "-c", "USER web", "-c", 'CMD ["id"]', name, "web:1"])
    done = lone_user.wardian(["run", "web:1"])
    assert done.returncode == 125
    assert "user 33:34: without subordinate ids" in done.stderr
    assert lone_user.wardian(["run", "--user", "0", "web:1", "id", "-u"]).stdout == "0\n"
    lone_user.wardian(["rmi", "web:1"])


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return busybox("linux/arm64", tmp_path_factory)


@pytest.mark.slow
def test_another_processor_s_image_needs_nobody_s_help(anyone: User, arm: Path) -> None:
    name = give(anyone, arm)
    done = anyone.wardian(["import", "--platform", "linux/arm64", name, "arm:1"])
    assert done.returncode == 0, done.stderr
    words = ["run", "--platform", "linux/arm64", "arm:1", "sh", "-c", "/bin/uname -m"]
    for _again in range(2):
        done = anyone.wardian(words)
        assert (done.stdout, done.stderr) == ("aarch64\n", "")
    with pytest.raises(OSError, match="Exec format error"):
        anyone.run([f"{anyone.home}/{name}/bin/busybox", "true"])
    anyone.wardian(["rmi", "arm:1"])
