"""The config.json that `wardian-oci spec` writes, to begin a bundle with (pure).

As runc's: a shell on a terminal in a read-only root, with few capabilities and all that is usually
masked. It is a start to edit, by hand or with jq, so the places of its parts are runc's too; more
than runc's are the cgroup namespace and two masked paths.
"""

from wardian.oci.features import OCI_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.runtime.spec import IdMapping, Mount, Namespace, Spec

_CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
_SETS = ("bounding", "effective", "permitted")
_MASKED = (
    *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys"),
    *("/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"),
    *("/sys/devices/virtual/powercap", "/sys/firmware", "/proc/scsi"),
)
_READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_STRICT = ["nosuid", "noexec", "nodev"]


def example(rootless: "tuple[int, int] | None" = None) -> "Spec":
    """Return the document.

    Args:
        rootless: the user and group who will run it without being root; None for root.
    """
    spec: Spec = {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
            ],
            "cwd": "/",
            "capabilities": {each: list(_CAPABILITIES) for each in _SETS},  # type: ignore[typeddict-item]
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "wardian",
        "mounts": _mounts(rootless is not None),
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": _namespaces(rootless is not None),
            "maskedPaths": list(_MASKED),
            "readonlyPaths": list(_READONLY),
        },
    }
    if rootless:
        linux = spec["linux"]
        del linux["resources"]
        linux["uidMappings"], linux["gidMappings"] = (_only(each) for each in rootless)
    return spec


def _only(outside: int) -> "list[IdMapping]":
    return [{"containerID": 0, "hostID": outside, "size": 1}]


def _namespaces(rootless: bool) -> "list[Namespace]":
    # without root no interface could be moved in, so the network is the host's
    own = "user" if rootless else "network"
    return [{"type": each} for each in ("pid", own, "ipc", "uts", "mount", "cgroup")]


def _mounts(rootless: bool) -> "list[Mount]":
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    devices: Mount = {
        "destination": "/sys",
        "type": "sysfs",
        "source": "sysfs",
        "options": [*_STRICT, "ro"],
    }
    if (
        rootless
    ):  # mounting sysfs takes a network namespace of one's own; the group tty isn't mapped
        devices |= {"type": "none", "source": "/sys", "options": ["rbind", *_STRICT, "ro"]}
    else:
        terminals.append("gid=5")
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        },
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": terminals},
        {
            "destination": "/dev/shm",  # noqa: S108 - a path in the box
            "type": "tmpfs",
            "source": "shm",
            "options": [*_STRICT, "mode=1777", "size=65536k"],
        },
        {
            "destination": "/dev/mqueue",
            "type": "mqueue",
            "source": "mqueue",
            "options": list(_STRICT),
        },
        devices,
        {
            "destination": "/sys/fs/cgroup",
            "type": "cgroup",
            "source": "cgroup",
            "options": [*_STRICT, "relatime", "ro"],
        },
    ]
