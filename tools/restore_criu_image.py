#!/usr/bin/python3
"""Bring the processes of an evidence bundle's CRIU image back, stopped, to look at with gdb.

    tools/restore_criu_image.py IMAGE [ROOT]

IMAGE is a bundle's criu/PID; ROOT the root directory of its box where that was not the host's. It
prints the first process's pid, and that of a holder: kill the holder, and all is gone. It needs
root, and criu and crit in PATH (tools/install-criu).

What comes back is a hostile program: do this on a machine that has nothing to lose. It has its
memory, registers, filter, ids as the host sees them, files in /tmp and a network without a way out.
But it is in the host's user namespace: CRIU would make another one, which can't own the namespace
of pids, since that is there before. Its root can be written to, and is gone with it; what the box
had mounted from outside is ROOT's, or the host's.

CRIU: criu(8), "criu restore"; crit(1).
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

IDS = {"uid": ("uid", "euid", "suid", "fsuid"), "gid": ("gid", "egid", "sgid", "fsgid")}
OPTIONS = (
    *("--leave-stopped", "--restore-detached", "--shell-job", "--file-locks", "--ext-unix-sk"),
    *("--tcp-close", "--manage-cgroups=ignore"),
)


def decode(path: str) -> "Any":
    """Return an image's file as plain data."""
    return json.loads(subprocess.check_output(["crit", "decode", "-i", path]))


def encode(document: "dict[str, Any]", path: str) -> None:
    """Write plain data as an image's file."""
    text = json.dumps(document)
    subprocess.run(["crit", "encode", "-o", path], input=text, text=True, check=True)


def leave_user_namespace(image: str) -> None:
    """Change a copy of an image: its processes are in the host's user namespace, as there known."""
    host = decode(f"{image}/inventory.img")["entries"][0]["root_ids"]["user_ns_id"]
    (maps,) = glob.glob(f"{image}/userns-*.img")
    table = decode(maps)["entries"][0]
    for path in glob.glob(f"{image}/ids-*.img"):
        found = decode(path)
        found["entries"][0]["user_ns_id"] = host
        encode(found, path)
    for path in glob.glob(f"{image}/core-*.img"):
        found = decode(path)
        creds = found["entries"][0]["thread_core"]["creds"]
        for kind, names in IDS.items():
            outside = {row["first"]: row["lower_first"] for row in table[f"{kind}_map"]}
            creds.update({name: outside.get(creds[name], creds[name]) for name in names})
        encode(found, path)


def mount_root(root: str, place: str) -> str:
    """Mount a root that may be written to, and is gone with us; returns where it is."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    for name in ("upper", "work", "root"):
        os.mkdir(f"{place}/{name}")
    options = f"lowerdir={root},upperdir={place}/upper,workdir={place}/work"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "root", f"{place}/root"], check=True)
    return f"{place}/root"


def mounts(image: str, root: str, new_root: str) -> "list[str]":
    """Make the places of the box's mounts; returns CRIU's options for those from outside."""
    words = []
    points: dict[str, str] = {}
    for path in glob.glob(f"{image}/mountpoints-*.img"):
        points |= {one["mountpoint"]: one.get("ext_key", "") for one in decode(path)["entries"]}
    for point, key in points.items():
        within = root.rstrip("/") + point
        is_host_s = point.startswith(("/proc", "/dev")) or not os.path.exists(within)
        source = point if is_host_s else within
        if not point.startswith(("/proc/", "/dev/")):
            make_place(new_root + point, is_directory=os.path.isdir(source))
        if key.startswith("/"):
            words += ["--external", f"mnt[{key}]:{source}"]
    return words


def make_place(path: str, *, is_directory: bool) -> None:
    """Make what can be mounted on, where there is nothing."""
    os.makedirs(path if is_directory else os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_RDONLY | (0 if is_directory else os.O_CREAT), 0o600))


def hold_pids() -> "tuple[subprocess.Popen[bytes], int]":
    """Start the first process of a namespace of pids; returns what waits for it, and its pid."""
    null = subprocess.DEVNULL
    command = ["unshare", "--pid", "--fork", "--kill-child", "sleep", "infinity"]
    waiting = subprocess.Popen(
        command, stdin=null, stdout=null, stderr=null, start_new_session=True
    )
    children = f"/proc/{waiting.pid}/task/{waiting.pid}/children"
    while waiting.poll() is None:
        with open(children, encoding="ascii") as file:
            if child := file.read().strip():
                return waiting, int(child)
    sys.exit("unshare --pid failed")


def restore(image: str, root: str, place: str) -> "dict[str, int]":
    """Restore a copy of an image, in a mount namespace of our own; returns what is printed."""
    leave_user_namespace(image)
    new_root = mount_root(root, place)
    waiting, holder = hold_pids()
    fd = os.open(f"/proc/{holder}/ns/pid", os.O_RDONLY)
    command = ["criu", "restore", "--images-dir", image, "--root", new_root]
    command += mounts(image, root, new_root)
    command += ["--inherit-fd", f"fd[{fd}]:pid", "--pidfile", "pid", "--log-file", "log", *OPTIONS]
    null = subprocess.DEVNULL
    done = subprocess.run(command, pass_fds=[fd], stdin=null, stdout=null, stderr=null, check=False)
    subprocess.run(["umount", "--recursive", "--lazy", place], check=True)
    if done.returncode:
        waiting.kill()
        with open(f"{image}/log", encoding="utf-8", errors="replace") as file:
            sys.exit(f"criu restore failed:\n{file.read()}")
    with open(f"{image}/pid", encoding="ascii") as file:
        return {"pid": int(file.read()), "holder": holder}


def main() -> None:
    """Do it in a mount namespace of our own."""
    if "--within" not in sys.argv:
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        os.execvp(command[0], [*command, "--within"])
    given, *more = [word for word in sys.argv[1:] if word != "--within"]
    root = os.path.abspath(more[0] if more else "/")
    place = tempfile.mkdtemp()  # a root is mounted there: it is never removed with what is in it
    with tempfile.TemporaryDirectory() as directory:
        image = os.path.join(directory, "image")
        shutil.copytree(given, image)
        sys.stdout.write(json.dumps(restore(image, root, place)) + "\n")
    os.rmdir(place)


if __name__ == "__main__":
    main()
