"""The features document: what this runtime understands, whatever the host has (pure).

dockerd 26 and containerd 2 ask for it when they start, to learn which options they may write. All
lists come from the code that does the work. `supportedFlags` alone depends on the host: on the
kernel's version (seccomp(2)).

Source: opencontainers/runtime-spec 1.3, features.md and features-linux.md.
"""

from wardian.kernel import capabilities, libseccomp, seccomp
from wardian.oci.validate_schema import CHOICES, OBJECTS
from wardian.runtime import mount_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    Document = dict[str, object]

OCI_VERSION_MIN = "1.0.0"
OCI_VERSION = "1.3.0"

# seccomp(2): the version of Linux that a flag needs; the others are older than 4.17.
_FLAG_SINCE = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": (5, 19)}

# What of the specification is a part of its own, and whether runtime.plan has it.
_PARTS = {"apparmor": True, "selinux": True, "netDevices": True, "intelRdt": False}


def features(kernel: tuple[int, int], *, version: str) -> "Document":
    """Return the document.

    Args:
        kernel: version and major revision of Linux, (6, 1) for 6.1.99.
        version: of this runtime.
    """
    linux: Document = {
        "namespaces": sorted(CHOICES["NamespaceType"]),
        "capabilities": list(capabilities.NAMES),
        "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
        "seccomp": _seccomp(kernel),
        "memoryPolicy": {
            "modes": list(CHOICES["MemoryMode"]),
            "flags": list(CHOICES["MemoryFlag"]),
        },
        "mountExtensions": {"idmap": {"enabled": True}},
    }
    linux.update({part: {"enabled": done} for part, done in _PARTS.items()})
    return {
        "ociVersionMin": OCI_VERSION_MIN,
        "ociVersionMax": OCI_VERSION,
        "hooks": list(OBJECTS["Hooks"]),
        "mountOptions": list(mount_options.KNOWN),
        "linux": linux,
        # no annotation of a container changes what this runtime does
        "potentiallyUnsafeConfigAnnotations": [],
        "annotations": {
            # the key that engines look for, whoever the runtime is
            "org.opencontainers.runc.checkpoint.enabled": "false",
            "wardian.version": version,
        },
    }


def _seccomp(kernel: tuple[int, int]) -> "Document":
    flags = sorted(seccomp.FLAGS)
    return {
        "enabled": True,
        "actions": sorted(libseccomp.ACTIONS),
        "operators": sorted(libseccomp.OPERATORS),
        "archs": sorted(libseccomp.ARCHITECTURES),
        "knownFlags": flags,
        "supportedFlags": [flag for flag in flags if kernel >= _FLAG_SINCE.get(flag, (0, 0))],
    }
