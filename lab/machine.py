"""One virtual machine: qemu's command line, its life, and what comes out of it."""

import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import initramfs, settings
from lab.settings import LabError, UnavailableError

QEMU = "qemu-system-x86_64"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
FIRST_SAFE_WITH_THREADS = (8, 1)  # QEMU; see accelerator()


class Machine:
    """A machine that has been started; `close` ends it in any case.

    Attributes:
        name: how messages call it.
        directory: where its console log and its results are.
        interactive: its console is our terminal.
        background: nobody follows what it says.
    """

    def __init__(
        self, name: str, directory: Path, *, interactive: bool = False, background: bool = False
    ) -> None:
        self.name = name
        self.directory = directory
        self.interactive = interactive
        self.background = background
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def payload(self) -> Path:
        """The disk with the payload, which the caller writes."""
        return self.directory / "payload.tar"

    def start(self, image: Path, *, init: str, network: tuple[Path, Path] | None = None) -> None:
        """Start qemu; the guest then boots and works on its own.

        Args:
            image: the directory of the image.
            init: "direct" or "systemd".
            network: this machine's socket of the shared network, and the other machine's.
        """
        (self.directory / "initramfs").write_bytes(initramfs.build(image))
        command = [*self._hardware(image, init), *self._ports(), *_network(network)]
        (self.directory / "qemu.command").write_text("\n".join(command), encoding="utf-8")
        output = subprocess.DEVNULL if self.background else subprocess.PIPE
        self._process = subprocess.Popen(
            command,
            stdin=None if self.interactive else subprocess.DEVNULL,
            stdout=None if self.interactive else output,
            stderr=None if self.interactive else subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - there are no threads here
            # Ctrl-C is for us; the guest's end is ours to choose.
            start_new_session=not self.interactive,
        )

    def _hardware(self, image: Path, init: str) -> list[str]:
        console = "quiet loglevel=4" if self.interactive else "loglevel=5"
        words = f"console=ttyS0 {console} panic=-1 lab.init={init} cgroup_no_v1=all"
        if init == "systemd":
            words += " systemd.unified_cgroup_hierarchy=1 systemd.show_status=0"
        return [
            *(program(), "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"),
            *("-machine", "q35,hpet=off", "-cpu", "max", "-accel", accelerator()),
            *("-m", f"{settings.MEMORY_MIB}M", "-smp", str(settings.PROCESSORS)),
            *("-kernel", str(image / "vmlinuz"), "-append", words),
            *("-initrd", str(self.directory / "initramfs")),
            *_disk("root", image / "disk", "snapshot=on"),
            *_disk("payload", self.payload, "read-only=on"),
            *("-device", "virtio-serial-pci"),
        ]

    def _ports(self) -> list[str]:
        results = f"file,id=results,path={self.directory}/results.tar"
        if self.interactive:
            console = "stdio,id=console,mux=on,signal=off"
            progress = f"file,id=progress,path={self.directory}/progress.log"
        else:
            console = f"file,id=console,path={self.directory}/console.log"
            # Not "stdio": at the end of its input qemu would close the port.
            progress = "file,id=progress,path=/dev/stdout"
        return [
            *("-chardev", console, "-serial", "chardev:console"),
            *("-chardev", progress, "-device", "virtserialport,chardev=progress,name=lab.progress"),
            *("-chardev", results, "-device", "virtserialport,chardev=results,name=lab.results"),
        ]

    def follow(self, show: Callable[[bytes], None]) -> None:
        """Give what the guest's work says to `show`, until the machine is off.

        Raises:
            LabError: it did not come up, has gone quiet, or takes too long.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        began = time.monotonic()
        up = False
        while True:
            patience = settings.QUIET_S if up else settings.BOOT_S
            if not select.select([fd], [], [], patience)[0]:
                what = "has said nothing" if up else "has not come up"
                raise self._failure(f"{what} for {patience:.0f} s")
            if time.monotonic() - began > settings.RUN_S:
                raise self._failure(f"is not done after {settings.RUN_S:.0f} s")
            data = os.read(fd, 65536)
            if not data:
                break
            if not up and b"\x01" in data:
                up, data = True, data.replace(b"\x01", b"", 1)
            show(data)
        if self._process.wait() or not up:
            raise self._failure(f"ended too early (qemu's exit code {self._process.returncode})")

    def wait(self) -> None:
        """Wait until an interactive machine is off."""
        assert self._process is not None
        self._process.wait()

    def _failure(self, what: str) -> LabError:
        self.close()
        try:
            text = (self.directory / "console.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        for line in text.splitlines()[-25:]:
            sys.stderr.write(f"    {line}\n")
        hint = f"above: the end of {self.directory}/console.log"
        why = ": its kernel panicked" if "Kernel panic" in text else ""
        return LabError(f"the machine {self.name!r} {what}{why}", hint=hint)

    def results(self) -> Path:
        """Unpack what the guest sent; returns the directory."""
        place = self.directory / "results"
        try:
            with tarfile.open(self.directory / "results.tar") as tar:
                # Python 3.11.4 and newer ask for a filter; the guest is our own machine.
                safe: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                tar.extractall(place, **safe)
        except (OSError, tarfile.TarError) as error:
            raise self._failure(f"sent no results ({error})") from error
        return place

    def close(self) -> None:
        """End the machine, if it still runs, and remove what is of no use without it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for name in ("initramfs", "payload.tar", "results.tar"):
            (self.directory / name).unlink(missing_ok=True)


def program() -> str:
    """Return qemu's path."""
    found = shutil.which(QEMU)
    if found is None:
        raise UnavailableError(f"{QEMU} is missing", hint="tools/install-lab-packages, as root")
    return found


def accelerator() -> str:
    """Return how the guest's processors are made: what WARDIAN_LAB_ACCEL says, or by emulation.

    QEMU before 8.1 must emulate them in one thread. With a thread for each, one of them may be
    translating an instruction while another one replaces it, and goes on with what was there. The
    kernel replaces its own code as it runs (jump labels: an int3 first), and panics of an int3 that
    it has long taken back: "Oops: int3". QEMU's commit deba78709ae8, "accel/tcg: Always lock pages
    before translation".
    """
    asked = os.environ.get("WARDIAN_LAB_ACCEL")
    if asked:
        return asked
    return "tcg,thread=multi" if _version() >= FIRST_SAFE_WITH_THREADS else "tcg,thread=single"


def _version() -> tuple[int, ...]:
    told = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", told.stdout)
    return tuple(map(int, found.groups())) if found else (0, 0)


def _disk(name: str, path: Path, options: str) -> list[str]:
    drive = f"file={path},id={name},format=raw,if=none,{options}"
    if "snapshot" in options:
        drive += ",cache=unsafe"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name}"]


def _network(sockets: tuple[Path, Path] | None) -> list[str]:
    if sockets is None:
        return []
    own, other = sockets
    backend = f"dgram,id=net,local.type=unix,local.path={own},remote.type=unix,remote.path={other}"
    address = f"52:54:00:77:00:0{own.name[-1]}"
    return ["-netdev", backend, "-device", f"virtio-net-pci,netdev=net,mac={address},romfile="]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
