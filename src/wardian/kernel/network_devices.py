"""Move network devices into another network namespace, by iproute2.

Kernel: network_namespaces(7), ip-link(8).
"""

import os

from wardian.errors import HostError, UnsupportedError

_PLACES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")


def move(name: str, pid: int, new_name: str) -> None:
    """Move a device of this namespace to the one of a process, under a name of its own.

    Addresses of global scope go along, and the device is up afterwards, as the specification asks.
    One that can't have its name there is given back.

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
    shown = _run([found, "-o", "addr", "show", "dev", name, "scope", "global"])
    fields = [line.split() for line in shown.splitlines()]
    addresses = [row[3] for row in fields if len(row) > 3]
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", found]
    _run([found, "link", "set", "dev", name, "netns", str(pid)])
    now = name
    try:
        if new_name != name:
            _run([*inside, "link", "set", "dev", name, "name", new_name])
            now = new_name
        for address in addresses:
            _run([*inside, "addr", "add", address, "dev", now])
        _run([*inside, "link", "set", "dev", now, "up"])
    except HostError:
        _run([*inside, "link", "set", "dev", now, "netns", str(os.getpid()), "name", name])
        raise


def _run(words: "list[str]") -> str:
    import subprocess

    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise HostError(f'"{" ".join(words)}": {said}')
    return str(done.stdout)
