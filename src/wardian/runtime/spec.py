"""config.json as types, in the OCI runtime specification's own words.

Imported for type checking only. The key "wardian" is this engine's extension: other runtimes ignore
it, as the specification asks for unknown properties.

Source: opencontainers/runtime-spec, config.md and config-linux.md (1.2).
"""

from typing import TypedDict


class User(TypedDict, total=False):
    """`process.user`."""

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


class Process(TypedDict, total=False):
    """`process`."""

    terminal: bool
    user: User
    args: list[str]
    env: list[str]
    cwd: str
    capabilities: Capabilities
    rlimits: list[Rlimit]
    noNewPrivileges: bool


class Root(TypedDict, total=False):
    """`root`."""

    path: str
    readonly: bool


class Mount(TypedDict, total=False):
    """One of `mounts`; `reason` is wardian's, for `explain`."""

    destination: str
    type: str
    source: str
    options: list[str]
    reason: str


class Namespace(TypedDict, total=False):
    """One of `linux.namespaces`."""

    type: str
    path: str


class TimeOffset(TypedDict, total=False):
    """One of `linux.timeOffsets`."""

    secs: int
    nanosecs: int


class Linux(TypedDict, total=False):
    """`linux`; `resources` as runtime.resources reads it."""

    namespaces: list[Namespace]
    timeOffsets: dict[str, TimeOffset]
    sysctl: dict[str, str]
    resources: dict[str, object]
    maskedPaths: list[str]
    readonlyPaths: list[str]


class Extension(TypedDict, total=False):
    """The key "wardian".

    Attributes:
        base: the root's parts, each its path in the box and its lower directories, topmost first;
            empty for a root that starts from nothing.
        links: symbolic links of the base: path and text.
        kept: the writable layers are those of a kept layer, not throw-away ones.
        storage_bytes: bound of the throw-away layers; 0 for half of the memory.
        init: process 1 stays as init.
        seccomp: digest of the profile, or "".
        seccomp_flags: SECCOMP_FILTER_FLAG_* to load it with.
        files: small files over the root's: path, mode, content.
    """

    base: list[tuple[str, list[str]]]
    links: list[tuple[str, str]]
    kept: bool
    storage_bytes: int
    init: bool
    seccomp: str
    seccomp_flags: int
    files: list[tuple[str, int, bytes]]


class Spec(TypedDict, total=False):
    """The whole document."""

    ociVersion: str
    process: Process
    root: Root
    hostname: str
    domainname: str
    mounts: list[Mount]
    linux: Linux
    wardian: Extension
