"""Each vulnerability of runc since 2019, tried on the OCI command line.

The two that concern whoever enters a running container (CVE-2019-5736, and the descriptors of
CVE-2024-21626) are in test_entering.py, CVE-2025-52565 is in test_console.py, and the one that
concerns hooks in test_hooks_are_kept_apart.py. Where an attack is a race, a second process
exchanges the names as fast as the kernel does it.

Debian 12's runc 1.1.5 fails here at CVE-2024-45310, CVE-2025-31133, CVE-2025-52881 and
CVE-2026-41579: these tests can fail.
"""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtimes import Bundle, Done, Runtime

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROUNDS = 40
# stands for core_pattern and sysrq-trigger: writing to it harms only the container
TARGET = Path("/proc/sys/kernel/hostname")
Program = Callable[[str], Path]


def sh(bundle: Bundle, script: str) -> None:
    """Make a shell script the container's program."""
    bundle.config["process"]["args"] = ["sh", "-c", script]


def refused(done: Done) -> bool:
    """Whether the runtime refused, in words."""
    return done.returncode != 0 and bool(done.stderr.strip()) and "Traceback" not in done.stderr


@pytest.fixture
def decoy(tmp_path: Path) -> Path:
    """A directory of the host that no container was given."""
    directory = tmp_path / "of-the-host"
    directory.mkdir()
    (directory / "ptmx").write_text("a file of the host")
    return directory


def untouched(decoy: Path) -> bool:
    return os.listdir(decoy) == ["ptmx"] and (decoy / "ptmx").read_text() == "a file of the host"


@contextmanager
def exchanging(program: Path, one: Path, other: Path) -> Iterator[None]:
    """While the block runs, two names are exchanged all the time."""
    process = subprocess.Popen([program, one, other], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    try:
        yield
        assert process.poll() is None, "the race was over too early"
    finally:
        process.kill()
        process.communicate()


# ---- CVE-2024-21626: the working directory is a descriptor of a host directory -------------------


@pytest.mark.parametrize("number", range(3, 13))
def test_cve_2024_21626_cwd_of_a_new_container(
    number: int, oci: Runtime, bundle: Bundle, decoy: Path
) -> None:
    bundle.config["process"]["cwd"] = f"/proc/self/fd/{number}"
    sh(bundle, f"cat ../../../../../../..{decoy}/ptmx .{decoy}/ptmx; pwd -P")
    opened = os.open("/", os.O_RDONLY)
    try:
        done = oci.run(bundle, pass_fds=[opened])
    finally:
        os.close(opened)
    assert "of the host" not in done.stdout
    assert refused(done), done


def test_cve_2024_21626_cwd_of_one_who_enters(oci: Runtime, bundle: Bundle, decoy: Path) -> None:
    bundle.config["process"]["args"] = ["sleep", "1000"]
    (bundle.rootfs / "way").symlink_to("/proc/self/fd/7")
    name = oci.start(bundle)
    words = [f"/proc/self/fd/{number}" for number in range(3, 13)] + ["/way", "/proc/self/fd/7/"]
    for word in words:
        look = f"cat ../../../../../../..{decoy}/ptmx .{decoy}/ptmx"
        done = oci("exec", "--cwd", word, name, "sh", "-c", look)
        assert "of the host" not in done.stdout, word
        assert refused(done), f"{word}: {done}"


# ---- CVE-2019-19921: the attributes of a process are written into a /proc that is none -----------


def test_cve_2019_19921_proc_is_a_symlink_in_the_image(oci: Runtime, bundle: Bundle) -> None:
    """The masks must lie on the proc file system that the program sees, wherever it went."""
    (bundle.rootfs / "proc").rmdir()
    (bundle.rootfs / "shared" / "proc").mkdir(parents=True)
    (bundle.rootfs / "proc").symlink_to("/shared/proc")
    sh(bundle, "wc -c </proc/keys; wc -c </shared/proc/keys; readlink /proc")
    done = oci.run(bundle)
    if not refused(done):
        # not a symlink any more, or the masks hold on both names
        assert done.stdout.split()[:2] in (["0", "0"], ["0"]), done


def test_cve_2019_19921_proc_is_a_directory_of_somebody(
    oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """A made-up /proc would swallow labels and settings, which are then not in force."""
    fake = tmp_path / "fake"
    for name in ("self/attr/exec", "self/oom_score_adj", "sys/kernel/msgmax", "sys/net/ipv4/x"):
        (fake / name).parent.mkdir(parents=True, exist_ok=True)
        (fake / name).write_text("of the host\n")
    for number in range(1, 9):
        (fake / str(number)).symlink_to("self")
    bundle.remove_mount("/proc")
    bundle.bind(fake, "/proc")
    bundle.config["linux"]["sysctl"] = {"kernel.msgmax": "4242"}
    bundle.config["process"]["oomScoreAdj"] = 300
    done = oci.run(bundle)
    written = [path for path in fake.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.read_text() for path in written} == {"of the host\n"}, done
    assert refused(done), done


# ---- CVE-2025-52881: a write to procfs goes to another file of procfs ----------------------------


@pytest.mark.parametrize("kind", ["file", "tmpfs", "symlink"])
def test_cve_2025_52881_a_setting_is_written_where_it_belongs(
    kind: str, oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """Refused, or the setting is in force: never written to what lies over it."""
    decoy = tmp_path / "decoy"
    decoy.write_text("of the host\n")
    if kind == "file":
        bundle.bind(decoy, "/proc/sys/kernel/msgmax")
    elif kind == "tmpfs":
        bundle.mounts.append(
            {"destination": "/proc/sys/kernel", "type": "tmpfs", "source": "tmpfs", "options": []}
        )
    else:
        # what can be had without a mount inside /proc: its root swapped for a symlink to another
        (bundle.rootfs / "proc").rmdir()
        (bundle.rootfs / "proc").symlink_to("/tmp/proc")
        (bundle.rootfs / "tmp" / "proc" / "sys" / "kernel").mkdir(parents=True)
        (bundle.rootfs / "tmp" / "proc" / "sys" / "kernel" / "msgmax").symlink_to(TARGET)
    bundle.config["linux"]["sysctl"] = {"kernel.msgmax": "4242"}
    done = oci.run(bundle)
    assert decoy.read_text() == "of the host\n"
    if not refused(done):
        # the kernel ends the line; a file of a tmpfs has what was written
        sh(bundle, "cat /proc/sys/kernel/msgmax")
        assert oci.run(bundle).stdout == "4242\n"


# ---- CVE-2021-30465, CVE-2024-45310: a destination becomes a symlink between look and mount ------


@pytest.mark.parametrize("aim", ["absolute", "relative"])
def test_cve_2021_30465_and_2024_45310_a_destination_that_changes(
    aim: str,
    oci: Runtime,
    bundle: Bundle,
    decoy: Path,
    static_program: Program,
    tmp_path: Path,
) -> None:
    """Nothing is made outside, and what was mounted is in the container and nowhere else."""
    volume, gift = tmp_path / "volume", tmp_path / "gift"
    (volume / "way").mkdir(parents=True)
    gift.mkdir()
    up = "../" * 20 + str(decoy).lstrip("/") if aim == "relative" else str(decoy)
    (volume / "other").symlink_to(up)
    bundle.bind(volume, "/volume")
    bundle.bind(gift, "/volume/way/deep/er", "ro")
    (bundle.rootfs / "mark").touch()
    sh(bundle, "test -e /mark && grep -c /gift /proc/self/mountinfo")
    with exchanging(static_program("flipper.c"), volume / "way", volume / "other"):
        for _ in range(ROUNDS):
            done = oci.run(bundle)
            assert untouched(decoy), done
            assert refused(done) or done.stdout == "1\n", done


def test_cve_2024_45310_no_empty_files_outside(
    oci: Runtime, bundle: Bundle, decoy: Path, static_program: Program, tmp_path: Path
) -> None:
    """The same for the mount of a file, whose target is made where it is missing."""
    volume, gift = tmp_path / "volume", tmp_path / "gift"
    (volume / "way").mkdir(parents=True)
    gift.write_text("given")
    (volume / "other").symlink_to(decoy)
    bundle.bind(volume, "/volume")
    bundle.bind(gift, "/volume/way/file")
    with exchanging(static_program("flipper.c"), volume / "way", volume / "other"):
        for _ in range(ROUNDS):
            done = oci.run(bundle)
            assert untouched(decoy), done
            (volume / "way" / "file").unlink(missing_ok=True)


@pytest.mark.parametrize("target", ["{decoy}", "../../../../../../../../../..{decoy}"])
def test_a_destination_behind_a_symlink_stays_inside(
    target: str, oci: Runtime, bundle: Bundle, decoy: Path, tmp_path: Path
) -> None:
    """The same without a race: mount points, devices and the working directory."""
    (bundle.rootfs / "way").symlink_to(target.format(decoy=decoy))
    bundle.bind(tmp_path, "/way/a")
    bundle.mounts.append(
        {"destination": "/way/b", "type": "tmpfs", "source": "tmpfs", "options": []}
    )
    bundle.config["linux"]["devices"] = [
        {"path": "/way/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}
    ]
    bundle.config["process"]["cwd"] = "/way/c"
    sh(bundle, "pwd -P; ls -d /way/a /way/b /way/null")
    done = oci.run(bundle)
    assert untouched(decoy), done
    assert refused(done) or done.stdout.split("\n")[0] == f"{decoy}/c", done


# ---- CVE-2025-31133: /dev/null of the image lies over what is masked -----------------------------


def own_dev(bundle: Bundle) -> Path:
    """Let the container's /dev be the image's own; returns it."""
    bundle.remove_mount("/dev")
    return bundle.rootfs / "dev"


def mask_and_show(bundle: Bundle) -> None:
    bundle.config["linux"]["maskedPaths"] = ["/proc/version", "/proc/keys", "/proc/acpi"]
    sh(bundle, "head -c 64 /proc/version; head -c 64 /proc/keys; echo over")


@pytest.mark.parametrize("target", ["/proc/sys/kernel/hostname", "/etc/image", "{decoy}/ptmx"])
def test_cve_2025_31133_dev_null_is_a_symlink(
    target: str, oci: Runtime, bundle: Bundle, decoy: Path
) -> None:
    (bundle.rootfs / "etc" / "image").write_text("of the image\n")
    (own_dev(bundle) / "null").symlink_to(target.format(decoy=decoy))
    mask_and_show(bundle)
    done = oci.run(bundle)
    assert untouched(decoy)
    assert refused(done) or done.stdout == "over\n", done


@pytest.mark.parametrize("kind", ["missing", "file", "other device"])
def test_cve_2025_31133_dev_null_is_no_null(
    kind: str, oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """The engine gives a /dev; a mask is never left out in silence."""
    given = tmp_path / "dev"
    given.mkdir()
    if kind == "file":
        (given / "null").write_text("of the image\n")
    elif kind == "other device":
        os.mknod(given / "null", stat.S_IFCHR | 0o666, os.makedev(1, 9))
    bundle.remove_mount("/dev")
    bundle.bind(given, "/dev")
    mask_and_show(bundle)
    done = oci.run(bundle)
    assert refused(done) or done.stdout == "over\n", done


def test_cve_2025_31133_dev_null_changes_in_between(
    oci: Runtime, bundle: Bundle, static_program: Program, tmp_path: Path
) -> None:
    given = tmp_path / "dev"
    given.mkdir()
    os.mknod(given / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (given / "other").symlink_to(TARGET)
    bundle.remove_mount("/dev")
    bundle.bind(given, "/dev")
    bundle.config["linux"]["maskedPaths"] = [f"/proc/{name}" for name in MASKED]
    sh(bundle, f"cd /proc; cat {' '.join(MASKED)}; echo over")
    with exchanging(static_program("flipper.c"), given / "null", given / "other"):
        for _ in range(ROUNDS):
            done = oci.run(bundle)
            assert refused(done) or done.stdout == "over\n", done


MASKED = ("version", "keys", "uptime", "loadavg", "meminfo", "stat", "swaps", "modules")


def test_what_is_masked_or_read_only_may_be_a_symlink(
    oci: Runtime, bundle: Bundle, decoy: Path
) -> None:
    """The neighbour of CVE-2025-31133: where the path leads is decided inside the root."""
    (bundle.rootfs / "masked").symlink_to("../../../../../../../.." + str(decoy / "ptmx"))
    (bundle.rootfs / "kept").symlink_to(decoy)
    bundle.config["linux"]["maskedPaths"].append("/masked")
    bundle.config["linux"]["readonlyPaths"].append("/kept")
    sh(bundle, "echo over")
    done = oci.run(bundle)
    assert untouched(decoy)
    assert refused(done) or done.stdout == "over\n", done
    (decoy / "ptmx").write_text("a file of the host")


# ---- CVE-2026-41579, and /dev in general: the image's /dev leads outside -------------------------


@pytest.mark.parametrize("how", ["absolute", "relative", "ptmx", "pts"])
def test_cve_2026_41579_dev_is_a_symlink(
    how: str, oci: Runtime, bundle: Bundle, decoy: Path
) -> None:
    """Nothing is made or removed in a directory of the host."""
    dev = own_dev(bundle)
    up = "../" * 20 + str(decoy).lstrip("/")
    if how in ("absolute", "relative"):
        dev.rmdir()
        dev.symlink_to(decoy if how == "absolute" else up)
    elif how == "ptmx":
        for name in ("ptmx", "fd", "stdin", "null", "console"):
            (dev / name).symlink_to(f"{up}/{name}")
    else:
        (dev / "pts").symlink_to(up)
        bundle.mounts.append(
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["newinstance", "ptmxmode=0666", "mode=0620"],
            }
        )
    done = oci.run(bundle)
    assert untouched(decoy), done
    assert done.returncode == 0 or refused(done), done
    name = oci.new_id()
    oci.detached("create", "--bundle", bundle.save(), name)
    assert untouched(decoy), "create"
