"""`wardian-oci create` of a hostile config.json: one clear line, no traceback, and nothing is left.

The root is hostile too: its directories are links that lead out of it.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.boxes import NAME, Box, requires_runtime

pytestmark = pytest.mark.root


@pytest.fixture
def box(busybox_root: Path) -> Iterator[Box]:
    """A bundle, and a directory beside it that nothing of the container may touch."""
    requires_runtime()
    if NAME != "wardian-oci":
        pytest.skip("asserts the words of wardian-oci")
    directory = Path(tempfile.mkdtemp(prefix="hostile-"))
    directory.chmod(0o755)
    (directory / "outside").mkdir()
    (directory / "outside" / "file").write_text("untouched")
    one = Box(directory, busybox_root)
    yield one
    one.delete("--force")
    assert one.leftovers() == []
    assert sorted(path.name for path in (directory / "outside").iterdir()) == ["file"]
    assert (directory / "outside" / "file").read_text() == "untouched"
    shutil.rmtree(directory)


def one_clear_line(box: Box) -> str:
    """Create, which must fail with one line; returns it."""
    error = box.refused()
    lines = [line for line in error.splitlines() if not line.startswith("hint: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    assert lines[0].isprintable()
    assert len(error) < 4000
    return lines[0]


def many_mounts(box: Box) -> None:
    """Give 100,000 mounts."""
    box.config["mounts"] = [{"destination": "/a", "type": "tmpfs"}] * 100_000


def many_variables(box: Box) -> None:
    """Give a million variables."""
    box.process["env"] = ["A=1234567"] * 1_000_000


def nul_in_a_path(box: Box) -> None:
    """Give a mount with a NUL."""
    box.mount("/a\0b", "tmpfs", "tmpfs")


def climbing_mount(box: Box) -> None:
    """Give a mount whose destination climbs."""
    box.mount("/../../outside", "tmpfs", "tmpfs")


def climbing_device(box: Box) -> None:
    """Give a device whose path climbs."""
    box.linux["devices"] = [{"path": "/dev/../../x", "type": "c", "major": 1, "minor": 3}]


def climbing_cgroup(box: Box) -> None:
    """Give a control group that climbs."""
    box.linux["cgroupsPath"] = "/../../x"


def climbing_sysctl(box: Box) -> None:
    """Give a sysctl whose path climbs out of its namespace."""
    box.linux["sysctl"] = {"net/../kernel/core_pattern": "|/x"}


def absurd_numbers(box: Box) -> None:
    """Give numbers that no kernel takes."""
    box.process["oomScoreAdj"] = 10**30
    box.process["user"] = {"uid": -1, "gid": 1.5}


def wrong_types(box: Box) -> None:
    """Give every part as what it is not."""
    box.config["mounts"] = {"a": 1}
    box.config["process"] = [1]
    box.config["linux"] = "x"


def terminal_escape(box: Box) -> None:
    """Give a value that would command a terminal."""
    box.config["ociVersion"] = "\x1b]0;owned\x07\n1.0.0"


def missing_parts(box: Box) -> None:
    """Leave away all that is needed."""
    box.config.clear()


HOSTILE: list[Callable[[Box], None]] = [
    *(many_mounts, many_variables, nul_in_a_path, climbing_mount, climbing_device),
    *(climbing_cgroup, climbing_sysctl, absurd_numbers, wrong_types, terminal_escape),
    missing_parts,
]


@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_a_hostile_document_is_refused_in_one_line(box: Box, spoil: Callable[[Box], None]) -> None:
    spoil(box)
    assert one_clear_line(box)


# The names are short: pytest puts them into the environment of what a test starts.
NO_JSON = {
    "nothing": "",
    "open": "{",
    "deep": "[" * 100_000,
    "no-number": "NaN",
    "NUL": '{"a": "\0"}',
    "endless": " " * (17 << 20),
}


@pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
def test_a_file_that_is_no_json_is_refused_in_one_line(box: Box, text: str) -> None:
    box.write = lambda: None  # type: ignore[method-assign]
    (box.bundle / "config.json").write_text(text)
    assert "config.json" in one_clear_line(box)


LINKS = ["../outside", "/../../outside", "../../../../../../../{outside}", "{outside}"]


@pytest.mark.parametrize("text", LINKS)
@pytest.mark.parametrize("part", ["mount", "device", "masked", "cwd", "file"])
def test_a_link_in_the_root_leads_nowhere_outside(box: Box, part: str, text: str) -> None:
    """Whether the container is made or refused: what is outside stays as it was."""
    outside = str(box.directory / "outside")
    (box.rootfs / "link").symlink_to(text.format(outside=outside.removeprefix("/")))
    if part == "mount":
        box.mount("/link/made", "tmpfs", "tmpfs")
    elif part == "device":
        device = {"path": "/link/made", "type": "c", "major": 1, "minor": 3}
        box.linux["devices"] = [device]
    elif part == "masked":
        box.linux["maskedPaths"] = ["/link/file"]
    elif part == "cwd":
        box.process["cwd"] = "/link"
    else:
        (box.directory / "source").write_text("x")
        box.mount("/link/made", "bind", str(box.directory / "source"), "bind")
    done = box.run("cat /link/file 2>/dev/null; true")
    assert "untouched" not in done.stdout
    assert "Traceback" not in done.stderr


def test_the_document_that_all_others_come_from_is_fine(box: Box) -> None:
    assert box.says("echo fine") == "fine"
    assert json.loads((box.bundle / "config.json").read_text()) == box.config
