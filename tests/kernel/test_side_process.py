"""Functions of ours in processes with namespaces of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.users import User
from wardian import errors
from wardian.kernel import mounts, side_process
from wardian.kernel.side_process import PIPE, SideProcess

ROOT = pytest.mark.root
HERE = "wardian.images.layer_worker"


@ROOT
def test_what_a_function_returns_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = side_process.call(f"{HERE}:digest", [str(tmp_path)])
    (tmp_path / "a").write_text("2")
    assert side_process.call(f"{HERE}:digest", [str(tmp_path)]) != first


@ROOT
def test_what_it_raises_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(errors.KernelError) as caught:
        side_process.call(f"{HERE}:digest", [str(tmp_path / "nowhere")])
    assert "no such file" in str(caught.value)
    assert caught.value.errno == 2


@ROOT
def test_one_that_dies_is_an_error_not_a_hang(tmp_path: Path) -> None:
    with SideProcess(f"{HERE}:unpack", [str(tmp_path), "5"], stdin=PIPE) as side:
        side._process.kill()
        with pytest.raises(errors.HostError, match="ended with status -9"):
            side.wait()


@ROOT
def test_leaving_ends_it_and_leaves_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with SideProcess(f"{HERE}:unpack", [str(tmp_path), "5"], stdin=PIPE) as side:
        pid = side._process.pid
    assert not os.path.exists(f"/proc/{pid}")
    assert len(os.listdir("/proc/self/fd")) == before


@ROOT
def test_its_mounts_are_nobody_else_s(tmp_path: Path) -> None:
    from tests.trees import simple, store
    from wardian.images import snapshots

    before = Path("/proc/self/mountinfo").read_text()
    layer = store(simple("a"), tmp_path / "root")
    snapshots.unpack([layer.diff_id], str(tmp_path / "out"), str(tmp_path / "root"))
    assert Path("/proc/self/mountinfo").read_text() == before


MAPS = """
import os, sys
from wardian.kernel import side_process
os.makedirs("w", exist_ok=True)
sys.path.insert(0, ".")
print(side_process.call("wardian.images.layer_worker:digest", [os.path.abspath("w")])[:4])
from wardian.images import layer_worker
print(layer_worker.rules().chown, layer_worker.rules().devices)
"""


@pytest.mark.rootless
def test_an_ordinary_user_has_one_too(ordinary_user: User) -> None:
    done = ordinary_user.python(MAPS)
    assert done.returncode == 0, done.stderr


# ---- mounts -------------------------------------------------------------------------------


@ROOT
def test_the_kernel_s_words_are_the_hint(tmp_path: Path) -> None:
    with pytest.raises(errors.KernelError) as caught:
        mounts.make("overlay", "overlay", [("lowerdir", str(tmp_path)), ("nonsense", "1")])
    assert "option nonsense" in str(caught.value)
    assert "nonsense" in caught.value.hint


@ROOT
def test_an_unknown_file_system_is_named() -> None:
    with pytest.raises(errors.KernelError, match="type no-such-fs"):
        mounts.make("no-such-fs", "x", [])


@ROOT
def test_a_mount_that_was_never_attached_goes_with_its_descriptor(tmp_path: Path) -> None:
    fd = mounts.make("tmpfs", "tmpfs", [("size", "1m")], attributes=0)
    Path(f"/proc/self/fd/{fd}/file").write_text("x")
    os.close(fd)
    assert (
        "tmpfs"
        not in subprocess.run(
            ["findmnt", "-n", str(tmp_path)], capture_output=True, text=True, check=False
        ).stdout
    )


def test_a_process_that_may_not_says_what_to_do() -> None:
    code = (
        "import os\n"
        "os.setuid(65534) if os.geteuid() == 0 else None\n"
        "from wardian import errors\n"
        "from wardian.kernel import mounts\n"
        "try:\n    mounts.make('tmpfs', 'tmpfs', [])\n"
        "except errors.KernelError as error:\n    print(error.errno)\n"
    )
    src = str(Path(mounts.__file__).resolve().parents[2])
    script = f"import sys; sys.path.insert(0, {src!r})\nimport wardian.kernel.mounts\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
