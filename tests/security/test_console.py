"""CVE-2025-52565: what lies at /dev/console, or where its terminal should be, leads elsewhere.

The program must see its terminal at /dev/console, or the runtime refuses; nothing of the host is
made, cut off or mounted there.
"""

import contextlib
import os
import select
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import runtimes
from tests.runtimes import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.slow]

PATIENCE_S = 20
TERMINAL = f"{136:x}"  # the major number of a pseudo-terminal's slave
LOOK = "stat -L -c %t /dev/console; head -c 9 /proc/self/mountinfo >/dev/null; echo over"


@contextmanager
def console_socket(path: Path) -> Iterator[socket.socket]:
    """Where the runtime sends the terminal's other side to."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(1)
        listening.settimeout(PATIENCE_S)
        yield listening


def shown(oci: Runtime, bundle: Bundle, directory: Path) -> str | None:
    """What the program shows on its terminal; None where the runtime refuses, in words."""
    bundle.config["process"]["terminal"] = True
    bundle.config["process"]["args"] = ["sh", "-c", LOOK]
    name = oci.new_id()
    bundle.config["linux"]["cgroupsPath"] = f"/{runtimes.GROUP}/{name}"
    with console_socket(directory / "console.sock") as listening:
        words = ["--console-socket", str(directory / "console.sock")]
        done = oci.detached("create", "--bundle", bundle.save(), *words, name)
        if done.returncode:
            assert done.stderr.strip()
            assert "Traceback" not in done.stderr
            print(done.stderr)
            return None
        connection, _ = listening.accept()
        with connection:
            _, [master, *_others], _, _ = socket.recv_fds(connection, 4096, 4)
    with os.fdopen(master, "rb", buffering=0) as terminal:
        assert oci("start", name).returncode == 0
        return read_to_the_end(terminal.fileno())


def read_to_the_end(master: int) -> str:
    text = b""
    while not text.endswith(b"over\r\n"):
        assert select.select([master], [], [], PATIENCE_S)[0], text
        with contextlib.suppress(OSError):
            if data := os.read(master, 4096):
                text += data
                continue
        break
    return text.decode(errors="replace")


def is_right(text: str | None) -> bool:
    """Whether the console is a terminal, or the runtime refused."""
    return text is None or text.split() == [TERMINAL, "over"]


def test_the_console_is_the_terminal(oci: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    text = shown(oci, bundle, tmp_path)
    assert text is not None, "refused"
    assert is_right(text), text


@pytest.mark.parametrize(
    "target", ["/proc/sys/kernel/hostname", "{file}", "../../../../../../../../../..{file}"]
)
def test_the_image_s_console_is_a_symlink(
    target: str, oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    decoy = tmp_path / "decoy"
    decoy.write_text("of the host")
    bundle.remove_mount("/dev")
    bundle.mounts.append(
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["newinstance", "ptmxmode=0666", "mode=0620"],
        }
    )
    (bundle.rootfs / "dev" / "console").symlink_to(target.format(file=decoy))
    before = Path("/proc/sys/kernel/hostname").read_text()
    text = shown(oci, bundle, tmp_path)
    assert decoy.read_text() == "of the host"
    assert Path("/proc/sys/kernel/hostname").read_text() == before
    assert is_right(text), text


def test_the_terminals_are_somebody_s_directory(
    oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """With a ptmx of the host's, whose numbers somebody can guess."""
    given = tmp_path / "pts"
    given.mkdir()
    os.mknod(given / "ptmx", stat.S_IFCHR | 0o666, os.makedev(5, 2))
    for number in range(200):
        (given / str(number)).symlink_to("/proc/sys/kernel/hostname")
    bundle.remove_mount("/dev/pts")
    bundle.bind(given, "/dev/pts")
    text = shown(oci, bundle, tmp_path)
    assert is_right(text), text
