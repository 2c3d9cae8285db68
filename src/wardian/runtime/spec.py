"""config.json as types, in the OCI runtime specification's own words.

Imported for type checking only. The key "wardian" is this engine's extension: other runtimes ignore
it, as the specification asks for unknown properties, and runtime.validate drops it from a document
that somebody else wrote. What must be there, and in which range, is in runtime.validate_schema.

Source: opencontainers/runtime-spec, config.md and config-linux.md (1.3; Linux).
"""

from typing import TypedDict


class ConsoleSize(TypedDict):
    """`process.consoleSize`, in characters; counts only where there is a terminal."""

    height: int
    width: int


class User(TypedDict, total=False):
    """`process.user`, in the container's user namespace."""

    uid: int
    gid: int
    umask: int
    additionalGids: list[int]


class Capabilities(TypedDict, total=False):
    """`process.capabilities`: names with CAP_."""

    bounding: list[str]
    effective: list[str]
    inheritable: list[str]
    permitted: list[str]
    ambient: list[str]


class Rlimit(TypedDict):
    """`process.rlimits`: RLIMIT_ names, values in the kernel's units."""

    type: str
    soft: int
    hard: int


class Scheduler(TypedDict, total=False):
    """`process.scheduler`, as sched_setattr(2) takes it; times in nanoseconds."""

    policy: str
    nice: int
    priority: int
    flags: list[str]
    runtime: int
    deadline: int
    period: int


IoPriority = TypedDict("IoPriority", {"class": str, "priority": int})
"""`process.ioPriority`."""


class CpuAffinity(TypedDict, total=False):
    """`process.execCPUAffinity`: processors for exec, before and after it joins the cgroup."""

    initial: str
    final: str


class Process(TypedDict, total=False):
    """`process`."""

    terminal: bool
    consoleSize: ConsoleSize
    user: User
    args: list[str]
    env: list[str]
    cwd: str
    capabilities: Capabilities
    rlimits: list[Rlimit]
    noNewPrivileges: bool
    apparmorProfile: str
    selinuxLabel: str
    oomScoreAdj: int
    scheduler: Scheduler
    ioPriority: IoPriority
    execCPUAffinity: CpuAffinity


class Root(TypedDict, total=False):
    """`root`."""

    path: str
    readonly: bool


class IdMapping(TypedDict):
    """One line of an id map, of a user namespace or of a mount."""

    containerID: int
    hostID: int
    size: int


class Mount(TypedDict, total=False):
    """One of `mounts`; wardian's: `reason` for `explain`, `own` the place of a prepared mount."""

    destination: str
    type: str
    source: str
    options: list[str]
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]
    reason: str
    own: int


class Hook(TypedDict, total=False):
    """A program to run at a point of the container's life; `timeout` in seconds."""

    path: str
    args: list[str]
    env: list[str]
    timeout: int


class Hooks(TypedDict, total=False):
    """`hooks`, in the order in which their time comes."""

    prestart: list[Hook]
    createRuntime: list[Hook]
    createContainer: list[Hook]
    startContainer: list[Hook]
    poststart: list[Hook]
    poststop: list[Hook]


class Namespace(TypedDict, total=False):
    """One of `linux.namespaces`."""

    type: str
    path: str


class TimeOffset(TypedDict, total=False):
    """One of `linux.timeOffsets`."""

    secs: int
    nanosecs: int


class Device(TypedDict, total=False):
    """One of `linux.devices`; `fileMode` may have the bits of the file type."""

    type: str
    path: str
    major: int
    minor: int
    fileMode: int
    uid: int
    gid: int


class NetDevice(TypedDict, total=False):
    """One of `linux.netDevices`: its name inside."""

    name: str


class MemoryPolicy(TypedDict, total=False):
    """`linux.memoryPolicy`, as set_mempolicy(2) takes it."""

    mode: str
    nodes: str
    flags: list[str]


class IntelRdt(TypedDict, total=False):
    """`linux.intelRdt`."""

    closID: str
    schemata: list[str]
    l3CacheSchema: str
    memBwSchema: str
    enableCMT: bool
    enableMBM: bool
    enableMonitoring: bool


class Personality(TypedDict, total=False):
    """`linux.personality`."""

    domain: str
    flags: list[str]


class SyscallArgument(TypedDict, total=False):
    """One of `linux.seccomp.syscalls[].args`."""

    index: int
    value: int
    valueTwo: int
    op: str


class Syscall(TypedDict, total=False):
    """One of `linux.seccomp.syscalls`."""

    names: list[str]
    action: str
    errnoRet: int
    args: list[SyscallArgument]


class Seccomp(TypedDict, total=False):
    """`linux.seccomp`."""

    defaultAction: str
    defaultErrnoRet: int
    architectures: list[str]
    flags: list[str]
    listenerPath: str
    listenerMetadata: str
    syscalls: list[Syscall]


class Linux(TypedDict, total=False):
    """`linux`; `resources` as runtime.resources reads it."""

    namespaces: list[Namespace]
    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]
    timeOffsets: dict[str, TimeOffset]
    devices: list[Device]
    netDevices: dict[str, NetDevice]
    cgroupsPath: str
    resources: dict[str, object]
    memoryPolicy: MemoryPolicy
    intelRdt: IntelRdt
    sysctl: dict[str, str]
    seccomp: Seccomp
    rootfsPropagation: str
    maskedPaths: list[str]
    readonlyPaths: list[str]
    mountLabel: str
    personality: Personality


class Extension(TypedDict, total=False):
    """The key "wardian".

    Attributes:
        base: the root's parts, each its path in the box and its lower directories, topmost first;
            empty for a root that starts from nothing.
        layers: EROFS images that are mounted first, to be lower directories: the name by which a
            part has it, the image, and the mount's option that says where its data is.
        links: symbolic links of the base: path and text.
        kept: the writable layers are those of a kept layer, not throw-away ones.
        storage_bytes: bound of the throw-away layers; 0 for half of the memory.
        init: process 1 stays as init.
        seccomp: digest of the profile, or "".
        seccomp_flags: SECCOMP_FILTER_FLAG_* to load it with.
        files: small files over the root's: path, mode, content.
        owners: of these files, where that is not root: path, uid, gid.
        attach: the control groups are entered from outside, at the first wait.
        groups: the hierarchies whose groups are entered; those with limits where it is absent.
        hooks: somebody outside has things to do before the root is entered.
        emulated: its programs are another processor's, which is arranged from outside.
        lasting: outlives launcher and client.
        later: the program is started by another call.
        swap_if_counted: the limit of memory and swap is a default, for kernels that count swap.
        personality: of personality(2), where it is more than a domain.
        affinity: the processors that it runs on, as "0-3,8".
    """

    base: list[tuple[str, list[str]]]
    layers: list[tuple[str, str, str]]
    links: list[tuple[str, str]]
    kept: bool
    storage_bytes: int
    init: bool
    seccomp: str
    seccomp_flags: int
    files: list[tuple[str, int, bytes]]
    owners: list[tuple[str, int, int]]
    attach: bool
    groups: list[str]
    hooks: bool
    emulated: bool
    lasting: bool
    later: bool
    swap_if_counted: bool
    personality: int
    affinity: str


class Spec(TypedDict, total=False):
    """The whole document."""

    ociVersion: str
    root: Root
    mounts: list[Mount]
    process: Process
    hostname: str
    domainname: str
    hooks: Hooks
    annotations: dict[str, str]
    linux: Linux
    wardian: Extension
