"""Debian's static busybox for other processors, where it can be had."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.habits.project import ROOT as REPOSITORY
from tests.machine import missing
from wardian import errors
from wardian.kernel import binfmt, probe

MACHINES = {
    "linux/arm64": ("arm64", "aarch64"),
    "linux/arm/v7": ("armhf", "armv7l"),
    "linux/s390x": ("s390x", "s390x"),
    "linux/ppc64le": ("ppc64el", "ppc64le"),
    "linux/riscv64": ("riscv64", "riscv64"),
}


def busybox(platform: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch it into a directory of its own that everybody may enter; returns the program."""
    if probe.facts().kernel < (6, 7):
        missing("Linux 6.7: binfmt_misc in user namespaces")
    try:
        binfmt.find_interpreter(platform)
    except errors.UnsupportedError as error:
        missing(f"Debian's qemu-user-static ({error})")
    architecture = MACHINES[platform][0]
    place = tmp_path_factory.mktemp(architecture)
    tool = REPOSITORY / "tools" / "fetch-foreign-busybox"
    done = subprocess.run([tool, architecture, place], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Debian's busybox-static for {architecture} (not in these archives)")
    os.chmod(place, 0o755)
    for parent in list(place.parents)[:2]:
        os.chmod(parent, 0o755)
    return place / "busybox"
