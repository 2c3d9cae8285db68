"""Root file systems that tests make."""

import shutil
import subprocess
from pathlib import Path

from tests.machine import requires


def busybox(directory: Path) -> Path:
    """Make a small root file system in a directory: a static busybox and its names."""
    requires("busybox")
    busybox = shutil.which("busybox")
    assert busybox
    root = directory / "busybox-root"
    for name in (
        "bin",
        "dev",
        "etc",
        "home",
        "proc",
        "root",
        "run",
        "sys",
        "tmp",
        "usr",
        "var/tmp",
    ):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "root").chmod(0o700)
    shutil.copy(busybox, root / "bin" / "busybox")
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
    )
    (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    return root
