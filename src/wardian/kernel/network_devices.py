"""Move network devices into another network namespace, by iproute2.

Kernel: network_namespaces(7), ip-link(8).
"""

import os

from wardian.errors import HostError, UnsupportedError

_PLACES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")


def move(name: str, pid: int, new_name: str) -> None:
    """Move a device of this namespace to the one of a process, under a name of its own.

    Addresses of global scope go along, as the specification asks; the device is up afterwards if it
    was before.

    Raises:
        UnsupportedError: iproute2 is missing.
        HostError: there is no such device, or it can't be moved.
    """
    found = next((f"{place}/ip" for place in _PLACES if os.access(f"{place}/ip", os.X_OK)), "")
    if not found:
        raise UnsupportedError(
            f'moving network device "{name}": the program "ip" is not installed',
            feature="iproute2",
            hint="apt-get install iproute2",
        )
    import subprocess

    shown = _run(subprocess, [found, "-o", "addr", "show", "dev", name, "scope", "global"])
    fields = [line.split() for line in shown.splitlines()]
    addresses = [row[3] for row in fields if len(row) > 3]
    is_up = "UP" in _run(subprocess, [found, "-o", "link", "show", "dev", name]).split(">")[0]
    _run(subprocess, [found, "link", "set", "dev", name, "netns", str(pid), "name", new_name])
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", found]
    for address in addresses:
        _run(subprocess, [*inside, "addr", "add", address, "dev", new_name])
    if is_up:
        _run(subprocess, [*inside, "link", "set", "dev", new_name, "up"])


def _run(subprocess: object, words: "list[str]") -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # type: ignore[attr-defined]
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise HostError(f'"{" ".join(words)}": {said}')
    return str(done.stdout)
