"""What a run is asked to do: docker's words in, checked values out.

`Options.parse` takes the words of the command line (with "_" for "-"), whether they come from there
or from Python, so that both mean the same and fail with the same lines.

Docker: docker run reference.
"""

import os

from wardian import units
from wardian.engine import process_words
from wardian.errors import UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from wardian.engine.device_words import Device
    from wardian.engine.mount_words import Mount

HOSTNAME = "wardian"  # a constant: docker's random name would give every run another plan
STOP_TIMEOUT_S = 10.0
SHM_BYTES = 64 << 20
PULLS = ("missing", "always", "never")
# utsname(2)
HOSTNAME_MAX = 64
HOSTNAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Options:
    """The checked options of one run.

    Attributes:
        command: the program and its arguments.
        image, platform, pull: an image for the root, which one of its name, and whether to fetch.
        rootfs, scratch, closure: where else it comes from; the host base if none is given.
        entrypoint: what stands before the command; None for the image's own.
        has_stop_signal: it was asked for, and counts more than the image's.
        env: "NAME=value" lines, the last of a name only.
        user, group_add, workdir, hostname, domainname: as docker has them.
        umask: what new files lack, personality: of process_words.PERSONALITIES; None for neither.
        affinity: the processors that it sees and runs on ("0-3"), or "".
        mounts: what was asked for with --volume, --mount and --tmpfs.
        cap_add, cap_drop: capability names as given.
        masks_paths: parts of /proc and /sys are covered or read-only, as docker has them.
        seccomp: "default", "unconfined", a path, or ("allow", names).
        rlimits: (RLIMIT_ name, soft, hard), -1 for unlimited.
        resources: the OCI `linux.resources` of the limits; empty when none was asked for.
        has_default_swap: its limit of memory and swap is a default.
        devices: nodes of the host that the box sees.
        cgroup_parent: the group, or systemd's slice, in which the box's group is made; or "".
        cgroup_manager: who makes it, "cgroupfs" or "systemd".
        cgroupns: "private" or "host".
        time_offsets: seconds by clock, "monotonic" or "boottime".
        stop_signal: its number.
        supervised: somebody answers what the seccomp filter hands over (Container's on_listener).
    """

    __slots__ = (
        "affinity",
        "cap_add",
        "cap_drop",
        "cgroup_manager",
        "cgroup_parent",
        "cgroupns",
        "closure",
        "command",
        "devices",
        "domainname",
        "entrypoint",
        "env",
        "from_kept",
        "group_add",
        "has_default_swap",
        "has_stop_signal",
        "hostname",
        "image",
        "init",
        "keep",
        "masks_paths",
        "mounts",
        "network",
        "no_new_privileges",
        "personality",
        "platform",
        "pull",
        "read_only",
        "resources",
        "rlimits",
        "rootfs",
        "scratch",
        "seccomp",
        "shm_size_bytes",
        "stop_signal",
        "stop_timeout_s",
        "storage_size_bytes",
        "supervised",
        "sysctl",
        "time_offsets",
        "timeout_s",
        "tty",
        "umask",
        "user",
        "workdir",
    )

    command: "list[str]"
    devices: "list[Device]"
    mounts: "list[Mount]"
    resources: "dict[str, Any]"
    has_default_swap: bool

    @classmethod
    def parse(cls, command: "str | Iterable[str]", **words: "Any") -> "Options":
        """Check the words of a run.

        Raises:
            UsageError: a value is wrong; NotFoundError, UnsupportedError: likewise.
        """
        unknown = sorted(set(words) - KEYWORDS)
        words = {name: word for name, word in words.items() if word is not None}
        if unknown:
            raise UsageError(f'unknown option "{unknown[0]}"', hint="see `wardian run --help`")
        for name, word in words.items():
            process_words.check_word(name, word)
            if name in FLAGS and not isinstance(word, bool):
                hint = f"from Python: {name}=True or {name}=False"
                raise UsageError(f'{name.replace("_", "-")} "{word}": not True or False', hint=hint)
        made = cls()
        made.command = [command] if isinstance(command, str) else list(map(_text, command))
        made._take_image(words)
        if not (made.command or made.image) or made.command[:1] == [""]:
            raise UsageError("no command to run", hint="wardian run -- COMMAND ...")
        made._take_root(words)
        made._take_process(words)
        made._take_names(words)
        made._take_privileges(words)
        made.mounts = _mounts(words)
        made.resources, made.has_default_swap = _resources(words)
        made.devices = _devices(words)
        made._take_group(words)
        process_words.check_size(made.command, made.env)
        return made

    def _take_image(self, words: "Mapping[str, Any]") -> None:
        """Take what concerns an image; its config fills in the rest later (image_config)."""
        self.image = _one(words, "image")
        self.platform = _one(words, "platform") or ""
        self.pull = _one(words, "pull") or "missing"
        self.entrypoint: list[str] | None = None
        if self.pull not in PULLS:
            raise UsageError(f'pull "{self.pull}": not {", ".join(PULLS)}')
        if "entrypoint" in words:
            self.entrypoint = [word for word in _list(words, "entrypoint") if word]
        if self.image is None:
            for name in ("platform", "pull", "entrypoint"):
                if name in words:
                    raise UsageError(f"--{name} needs an image")
            return
        for name in ("rootfs", "scratch"):
            if words.get(name):
                raise UsageError(f'--{name} and an image ("{self.image}") exclude each other')

    def _take_root(self, words: "Mapping[str, Any]") -> None:
        self.rootfs = _one(words, "rootfs")
        self.scratch = bool(words.get("scratch"))
        self.closure = _list(words, "closure")
        self.keep = _one(words, "keep")
        self.from_kept = _one(words, "from_kept")
        self.read_only = bool(words.get("read_only"))
        size = words.get("storage_size")
        self.storage_size_bytes = None if size is None else units.parse_size(size, "storage-size")
        if self.scratch and self.rootfs is not None:
            raise UsageError("--scratch and --rootfs exclude each other")
        if self.closure and not self.scratch:
            raise UsageError(
                "--closure needs --scratch", hint="the host base has all programs already"
            )
        if self.keep and self.from_kept:
            raise UsageError(
                "--keep and --from-kept exclude each other",
                hint="--from-kept goes on in the same layer and keeps it",
            )
        if self.scratch and (self.keep or self.from_kept):
            raise UsageError("--scratch has no layer that could be kept")

    def _take_process(self, words: "Mapping[str, Any]") -> None:
        self.env = process_words.environment(words.get("env"), _list(words, "env_file"))
        if "cpu_profile" in words or "threads" in words:
            self.env = _as_profile(words, self.env)
        self.user = _one(words, "user")
        self.group_add = _list(words, "group_add")
        self.workdir = _one(words, "workdir")
        if self.workdir is not None and not self.workdir.startswith("/"):
            raise UsageError(f'workdir "{self.workdir}": not an absolute path')
        self.tty = bool(words.get("tty"))
        asked = _one(words, "umask")
        self.umask = None if asked is None else process_words.umask(asked)
        named = _names(words, "personality") if "personality" in words else None
        self.personality = None if named is None else process_words.personality(named)
        self.affinity = process_words.affinity(_one(words, "affinity") or "")
        self.init = bool(words.get("init", True))
        limits = map(_ulimit, _list(words, "ulimit"))
        self.rlimits = list({limit[0]: limit for limit in limits}.values())  # the last one counts
        forever = str(words.get("stop_timeout")) == "-1"
        self.stop_timeout_s = (
            float("inf") if forever else _seconds(words, "stop_timeout", STOP_TIMEOUT_S)
        )
        self.timeout_s = _seconds(words, "timeout", None)
        if self.timeout_s == 0:
            raise UsageError('timeout "0": more than 0 seconds', hint="leave it away for none")
        self.has_stop_signal = "stop_signal" in words
        self.stop_signal = process_words.signal_number(words.get("stop_signal", 15))

    def _take_names(self, words: "Mapping[str, Any]") -> None:
        self.network = _one(words, "network") or "none"
        if self.network not in ("none", "host"):
            raise UnsupportedError(
                f'network "{self.network}" is not there yet',
                hint="--network none or --network host",
            )
        self.hostname = _one(words, "hostname") or HOSTNAME
        self.domainname = _one(words, "domainname")
        for name in (self.hostname, self.domainname or ""):
            if len(name) > HOSTNAME_MAX or not HOSTNAME_LETTERS.issuperset(name):
                hint = f'at most {HOSTNAME_MAX} letters, digits, "-", "_" and "."'
                raise UsageError(f'hostname "{name[:80]}": not a host name', hint=hint)
        own = self.network == "none"
        settings = _pairs(words, "sysctl")
        self.sysctl = dict(process_words.sysctl(text, own_network=own) for text in settings)
        self.time_offsets = dict(map(process_words.time_offset, _pairs(words, "time_offset")))
        self.shm_size_bytes = units.parse_size(words.get("shm_size", SHM_BYTES), "shm-size")

    def _take_group(self, words: "Mapping[str, Any]") -> None:
        self.cgroupns = _one(words, "cgroupns") or "private"
        if self.cgroupns not in ("private", "host"):
            raise UsageError(f'cgroupns "{self.cgroupns}": not private or host')
        self.cgroup_manager = (
            _one(words, "cgroup_manager") or os.environ.get("WARDIAN_CGROUP_MANAGER") or "cgroupfs"
        )
        if self.cgroup_manager not in ("cgroupfs", "systemd"):
            raise UsageError(f'cgroup-manager "{self.cgroup_manager}": not cgroupfs or systemd')
        self.cgroup_parent = _one(words, "cgroup_parent") or ""
        if self.cgroup_parent:
            from wardian.engine import resource_words

            self.cgroup_parent = resource_words.cgroup_parent(
                self.cgroup_parent, self.cgroup_manager
            )

    def _take_privileges(self, words: "Mapping[str, Any]") -> None:
        self.cap_add = _names(words, "cap_add")
        self.cap_drop = _names(words, "cap_drop")
        self.no_new_privileges = True
        self.supervised = bool(words.get("supervised"))
        self.seccomp: str | tuple[str, tuple[str, ...]] = "default"
        self.masks_paths = True
        for text in _list(words, "security_opt"):
            self._take_security(text)
        if words.get("seccomp_allow") is not None:
            if self.seccomp != "default":
                raise UsageError("--seccomp-allow and --security-opt seccomp= exclude each other")
            self.seccomp = ("allow", tuple(_names(words, "seccomp_allow")))
            if not self.seccomp[1]:
                raise UsageError("seccomp-allow: it names no system call")

    def _take_security(self, text: str) -> None:
        key, _sign, value = text.partition("=" if "=" in text else ":")
        if key == "seccomp" and value:
            self.seccomp = "default" if value == "builtin" else value
        elif key == "no-new-privileges" and value in ("", "true", "false"):
            self.no_new_privileges = value != "false"
        elif key == "systempaths" and value == "unconfined":
            self.masks_paths = False
        elif key in ("apparmor", "label"):
            raise UnsupportedError(f'security-opt "{text}": {key} is not there yet')
        else:
            raise UsageError(
                f'security-opt "{text}": unknown',
                hint="seccomp=FILE, seccomp=unconfined, systempaths=unconfined or "
                "no-new-privileges[=false]",
            )


FLAGS = frozenset(("init", "read_only", "scratch", "supervised", "tty"))
PLAIN = frozenset(
    """
    affinity cap_add cap_drop cgroup_manager cgroup_parent cgroupns closure cpu_profile domainname
    entrypoint env env_file from_kept group_add hostname image init keep mount network personality
    platform pull read_only rootfs scratch seccomp_allow security_opt shm_size stop_signal
    stop_timeout storage_size supervised sysctl threads time_offset timeout tmpfs tty ulimit umask
    user volume workdir
    """.split()  # noqa: SIM905 - a table to read
)
# The words that resource_words reads; here, so that a run without limits need not load it.
LIMITS = frozenset(
    """
    memory memory_swap memory_reservation memory_swappiness oom_kill_disable cpus cpu_shares
    cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpuset_cpus cpuset_mems pids_limit
    blkio_weight blkio_weight_device cgroup_conf device device_cgroup_rule device_read_bps
    device_write_bps device_read_iops device_write_iops
    """.split()  # noqa: SIM905 - a table to read
)
KEYWORDS = PLAIN | LIMITS


def _mounts(words: "Mapping[str, Any]") -> "list[Mount]":
    asked = [_list(words, name) for name in ("volume", "mount", "tmpfs")]
    if not any(asked):
        return []
    from wardian.engine import mount_words

    return mount_words.mounts(*asked)


def _resources(words: "Mapping[str, Any]") -> "tuple[dict[str, Any], bool]":
    if LIMITS.isdisjoint(words):
        return {}, False
    from wardian.engine import resource_words

    found = resource_words.resources(words)
    return found, resource_words.bound_swap(found)


def _devices(words: "Mapping[str, Any]") -> "list[Device]":
    if "device" not in words:
        return []
    from wardian.engine import device_words

    return device_words.devices(_list(words, "device"))


def _as_profile(words: "Mapping[str, Any]", env: "list[str]") -> "list[str]":
    """Return the environment with what makes libraries compute as one kind of processor."""
    from wardian.runtime import cpu_profiles

    threads = str(words.get("threads", 1))
    count = units.parse_integer(threads, f'threads "{threads}":', 1, cpu_profiles.THREADS_MAX)
    profile = _one(words, "cpu_profile") or "native"
    made = cpu_profiles.add(env, profile, count)
    cpu_profiles.check_processor(profile)
    return made


def _ulimit(text: str) -> "tuple[str, int, int]":
    from wardian.engine import resource_words

    return resource_words.ulimit(text)


def _text(word: object) -> str:
    """Return a word of the command line; paths and bytes as the file system has them."""
    if isinstance(word, (bytes, os.PathLike)):
        return os.fsdecode(word)
    return str(word)


def _one(words: "Mapping[str, Any]", name: str) -> str | None:
    return _text(words[name]) if name in words else None


def _list(words: "Mapping[str, Any]", name: str) -> "list[str]":
    """Return an option that may be given many times; one value stands for a list of it."""
    found = words.get(name, ())
    if isinstance(found, str) or not hasattr(found, "__iter__"):
        found = (found,)
    return list(map(_text, found))


def _pairs(words: "Mapping[str, Any]", name: str) -> "list[str]":
    """Return NAME=VALUE words; Python callers may give a mapping."""
    given = words.get(name)
    if isinstance(given, dict):
        return [f"{key}={value}" for key, value in given.items()]
    return _list(words, name)


def _names(words: "Mapping[str, Any]", name: str) -> "list[str]":
    """Return names that may be given many times or with commas between."""
    parts = [part.strip() for word in _list(words, name) for part in word.split(",")]
    return [part for part in parts if part]


def _seconds(words: "Mapping[str, Any]", name: str, default: "Any") -> "Any":
    value = words.get(name)
    return default if value is None else units.parse_duration(str(value), name.replace("_", "-"))
