"""Options and a base give one OCI spec (pure).

The defaults are docker's: its mounts, capabilities, masked and read-only paths. Where a default of
docker's would make two equal runs differ (a random host name), a constant stands instead.

Source: opencontainers/runtime-spec, config-linux.md, "Default Filesystems".
"""

from wardian.engine import profiles
from wardian.kernel import capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.engine.accounts import Account
    from wardian.engine.lent import Loan
    from wardian.engine.mount_words import Mount as MountOption
    from wardian.engine.options import Options
    from wardian.runtime.filter_cache import SeccompFilter
    from wardian.runtime.spec import Capabilities, Mount, Process, Spec

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Bound over a file, to hide it: what every box has in /dev, so that nothing new can be reached.
SAFE_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


class Base:
    """Where the root comes from, as the plan sees it.

    Attributes:
        parts: each part's path in the box and its lower directories (or their symbols).
        mounts: further mounts that the base needs (a closure's files).
        links: symbolic links that it needs: path and text.
        shared: the host's files by which names are resolved, for a box in the host's network.
        layers: what is mounted to be a lower directory: its name, source and device.
        emulated: its programs are another processor's.
        files: small files over the root's: path, mode, content.
        umask: of the program.
        waits: somebody has something to do in the box's namespaces before the program starts.
    """

    __slots__ = (
        *("emulated", "files", "layers", "links", "mounts", "owners", "parts", "shared", "umask"),
        "waits",
    )

    def __init__(
        self,
        parts: "list[tuple[str, list[str]]]",
        mounts: "list[Mount] | None" = None,
        links: "list[tuple[str, str]] | None" = None,
    ) -> None:
        self.parts = parts
        self.mounts = mounts or []
        self.links = links or []
        self.shared: list[str] = []
        self.layers: list[tuple[str, str, str]] = []
        self.emulated = False
        self.files: list[tuple[str, int, bytes]] = []
        self.owners: list[tuple[str, int, int]] = []
        self.umask = 0o022
        self.waits = False

    def take_loan(self, loan: "Loan | None") -> None:
        """Take what a feature gives its boxes besides layers."""
        if loan is not None:
            self.files, self.umask, self.waits = loan.files, loan.umask, loan.attend is not None
            self.owners = loan.owners


def make_spec(
    options: "Options",
    base: Base,
    account: "Account",
    *,
    ids: str,
    seccomp: "SeccompFilter | None",
) -> "Spec":
    """Return the OCI spec for these options over this base."""
    rootless = ids != "host"
    namespaces = ["mount", "pid", "ipc", "uts"]
    if options.cgroupns == "private":
        namespaces.append("cgroup")
    if options.network == "none":
        namespaces.append("network")
    if rootless:
        namespaces.append("user")
    if options.time_offsets:
        namespaces.append("time")
    spec: Spec = {
        "ociVersion": "1.2.0",
        "process": _process(options, account, rootless=rootless, umask=_umask(options, base)),
        "root": {"path": options.rootfs or "/", "readonly": options.read_only},
        "hostname": options.hostname,
        "mounts": _mounts(options, base, rootless=rootless, single_id=ids == "single"),
        "linux": {
            "namespaces": [{"type": name} for name in namespaces],
            "resources": options.resources,
            "maskedPaths": list(profiles.MASKED_PATHS) if options.masks_paths else [],
            "readonlyPaths": list(profiles.READONLY_PATHS) if options.masks_paths else [],
        },
        "wardian": {
            "base": base.parts,
            "links": base.links,
            "kept": bool(options.keep or options.from_kept),
            "storage_bytes": options.storage_size_bytes or 0,
            "init": options.init,
            "seccomp": seccomp.digest if seccomp else "",
            "seccomp_flags": seccomp.flags if seccomp else 0,
            "files": [*_files(options), *base.files],
            "hooks": base.waits,
            **({"swap_if_counted": True} if options.has_default_swap else {}),
        },
    }
    if base.owners:
        spec["wardian"]["owners"] = base.owners
    if base.layers:
        spec["wardian"]["layers"] = base.layers
    if base.emulated:
        spec["wardian"]["emulated"] = True
    _add_rarities(spec, options)
    return spec


def _add_rarities(spec: "Spec", options: "Options") -> None:
    """Add what few boxes have."""
    if options.personality is not None:
        spec["wardian"]["personality"] = options.personality
    if options.affinity:
        spec["wardian"]["affinity"] = options.affinity
    if options.domainname:
        spec["domainname"] = options.domainname
    if options.sysctl:
        spec["linux"]["sysctl"] = options.sysctl
    if options.time_offsets:
        spec["linux"]["timeOffsets"] = {
            clock: {"secs": seconds} for clock, seconds in options.time_offsets.items()
        }


def _umask(options: "Options", base: Base) -> int:
    return base.umask if options.umask is None else options.umask


def _process(options: "Options", account: "Account", *, rootless: bool, umask: int) -> "Process":
    groups = list(account.groups)
    process: Process = {
        "terminal": options.tty,
        "user": {
            "uid": account.uid,
            "gid": account.gid,
            "additionalGids": groups,
            "umask": umask,
        },
        "args": options.command,
        "env": _environment(options, account),
        "cwd": options.workdir or "/",
        "capabilities": capability_sets(options, account.uid, rootless=rootless),
        "noNewPrivileges": options.no_new_privileges,
    }
    if options.rlimits:
        process["rlimits"] = [
            {"type": name, "soft": soft, "hard": hard} for name, soft, hard in options.rlimits
        ]
    return process


def _environment(options: "Options", account: "Account") -> "list[str]":
    given = {entry.partition("=")[0] for entry in options.env}
    defaults = [DEFAULT_PATH, f"HOSTNAME={options.hostname}", f"HOME={account.home}"]
    if options.tty:
        defaults.append("TERM=xterm")
    return [entry for entry in defaults if entry.partition("=")[0] not in given] + options.env


def capability_sets(options: "Options", uid: int, *, rootless: bool) -> "Capabilities":
    """Root gets docker's set; any other user only what was added, as ambient capabilities.

    ALL is, as docker has it, what there is to give: in a user namespace of its own everything that
    the kernel knows, else what this process has.
    """
    added = _named(options.cap_add)
    dropped = _named(options.cap_drop)
    keep = list(profiles.DEFAULT_CAPABILITIES)
    if "ALL" in dropped:
        keep = []
    elif "ALL" in added:
        known = (1 << (capabilities.last() + 1)) - 1
        keep = capabilities.names(known if rootless else known & capabilities.own())
    keep = [name for name in keep if name not in dropped]
    keep.extend(name for name in added if name != "ALL" and name not in keep)
    if uid == 0:
        return {
            "bounding": keep,
            "effective": keep,
            "permitted": keep,
            "inheritable": [],
            "ambient": [],
        }
    wanted = keep if "ALL" in added else [name for name in keep if name in added]
    return {
        "bounding": keep,
        "effective": wanted,
        "permitted": wanted,
        "inheritable": wanted,
        "ambient": wanted,
    }


def _named(words: "list[str]") -> "list[str]":
    return [
        "ALL"
        if word.upper() in ("ALL", "CAP_ALL")
        else capabilities.NAMES[capabilities.number(word)]
        for word in words
    ]


def _mounts(options: "Options", base: Base, *, rootless: bool, single_id: bool) -> "list[Mount]":
    plain = ["nosuid", "noexec", "nodev"]
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    if not single_id:  # gid 5 is not mapped with a single id
        pts.append("gid=5")
    shm = f"size={options.shm_size_bytes}"
    mounts: list[Mount] = [
        {
            "destination": "/proc",
            "type": "proc",
            "options": plain,
            "reason": "its own processes only",
        },
        {
            "destination": "/dev",
            "type": "tmpfs",
            "options": ["nosuid", "noexec", "nodev", "strictatime", "mode=755", "size=65536k"],
            "reason": "a minimal /dev",
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "options": pts,
            "reason": "its own terminals",
        },
        _sys(options, rootless=rootless),
        {
            "destination": "/dev/mqueue",
            "type": "mqueue",
            "options": plain,
            "reason": "its own queues",
        },
        {
            "destination": "/dev/shm",  # noqa: S108 - the box's own
            "type": "tmpfs",
            "options": [*plain, "mode=1777", shm],
            "reason": "POSIX shared memory of its own",
        },
    ]
    if options.network == "host":
        mounts.extend(
            {
                "destination": path,
                "type": "bind",
                "source": path,
                "options": ["bind", "ro", "nosuid", "nodev", "noexec"],
                "reason": "names are resolved as on the host",
            }
            for path in base.shared
        )
    mounts.extend(base.mounts)
    mounts.extend(
        {
            "destination": device.target,
            "type": "bind",
            "source": device.source,
            "options": ["bind", "nosuid", "noexec"],
            "reason": "a device that was asked for",
        }
        for device in options.devices
    )
    mounts.extend(_asked(mount) for mount in sorted(options.mounts, key=_depth))
    return mounts


def _sys(options: "Options", *, rootless: bool) -> "Mount":
    if rootless and options.network == "host":
        # sysfs belongs to the network namespace, which is the host's: only shown, not mounted.
        return {
            "destination": "/sys",
            "type": "bind",
            "source": "/sys",
            "options": ["rbind", "rro", "rnosuid", "rnoexec", "rnodev"],
            "reason": "the host's devices, read-only",
        }
    return {
        "destination": "/sys",
        "type": "sysfs",
        "options": ["nosuid", "noexec", "nodev", "ro"],
        "reason": "devices, read-only",
    }


def _depth(mount: "MountOption") -> int:
    return mount.target.rstrip("/").count("/")


def _asked(mount: "MountOption") -> "Mount":
    """Translate a mount that the user asked for."""
    options = list(mount.options)
    if mount.read_only:
        options.append("ro")
    if mount.type == "bind":
        if mount.source not in SAFE_DEVICES:
            options.append("nodev")
        if mount.recursive:  # what is asked for counts for the whole tree
            options = ["rbind", *("r" + word for word in options)]
        else:
            options.append("bind")
        if mount.propagation:
            options.append(mount.propagation)
        return {
            "destination": mount.target,
            "type": "bind",
            "source": mount.source,
            "options": options,
            "reason": "asked for",
        }
    if mount.size_bytes:
        options.append(f"size={mount.size_bytes}")
    if mount.mode is not None:
        options.append(f"mode={mount.mode:o}")
    if "nodev" not in options:
        options.append("nodev")
    return {
        "destination": mount.target,
        "type": "tmpfs",
        "source": "tmpfs",
        "options": options,
        "reason": "asked for",
    }


def _files(options: "Options") -> "list[tuple[str, int, bytes]]":
    name = options.hostname.encode()
    files = [("/etc/hostname", 0o644, name + b"\n")]
    if options.network != "host":  # where that is the host's, so are the names
        files.append(("/etc/hosts", 0o644, HOSTS + b"127.0.1.1\t" + name + b"\n"))
    return files
