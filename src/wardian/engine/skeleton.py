"""Write the skeleton of the host base: empty directories, links, and a scrubbed /etc.

What goes into /etc is an allow-list, and whatever the list says, nothing is copied that is not
world-readable (by its own mode and by that of the directories above), that holds a private key, or
that is a link to a place outside of what the box shows. Left out on purpose: passwords and keys
(shadow, ssh, ssl/private), what tells who the machine is (machine-id, hostname, hosts,
fstab), where people put tokens and addresses of proxies (environment, profile.d, gitconfig,
npmrc, pip.conf, wgetrc, apt), and the configuration of services.

Kernel: open(2), symlink(2), passwd(5), nsswitch.conf(5), machine-id(5).
"""

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from wardian import errors

# (path, mode); owners are whoever makes it, who is root in the box.
DIRECTORIES = (
    ("proc", 0o755),
    ("sys", 0o755),
    ("dev", 0o755),
    ("tmp", 0o1777),
    ("run", 0o755),
    ("run/lock", 0o1777),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/local", 0o755),
    ("var/log", 0o755),
    ("var/mail", 0o755),
    ("var/opt", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
    ("home", 0o755),
    ("root", 0o700),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("srv", 0o755),
    ("etc", 0o755),
    ("etc/opt", 0o755),
)
LINKS = (("/run", "var/run"), ("/run/lock", "var/lock"), ("../proc/self/mounts", "etc/mtab"))

# Written anew. Empty ones are there to be written or mounted over.
GENERATED = (
    ("etc/hostname", b""),
    ("etc/hosts", b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    ("etc/resolv.conf", b""),
    ("etc/machine-id", b""),
    ("etc/fstab", b""),
    ("etc/subuid", b""),
    ("etc/subgid", b""),
    # The host's may name daemons (sssd, systemd-resolved, winbind) that the box does not have.
    (
        "etc/nsswitch.conf",
        b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
        b"protocols: files\nservices: files\nethers: files\nrpc: files\n",
    ),
)

# Names below /etc; "*" matches within one name. A directory comes with all below it.
ALLOWED = (
    # the dynamic loader: where libraries are
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld-musl-*.path"),
    # which of several programs is meant: awk, java, editor, libblas ... are links to here
    "alternatives",
    # what system this is
    *("os-release", "debian_version", "lsb-release", "redhat-release", "fedora-release"),
    *("system-release", "alpine-release", "arch-release", "SuSE-release", "dpkg/origins"),
    # accounts: passwd and group are reduced by `_accounts`; these are their rules
    *("login.defs", "shells", "skel"),
    # numbers and names of the network, the same everywhere
    *(
        "protocols",
        "services",
        "rpc",
        "ethertypes",
        "networks",
        "host.conf",
        "gai.conf",
        "netconfig",
    ),
    *("bindresvport.blacklist", "iproute2"),
    # public certificates, and which ciphers to use
    *("ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "ca-certificates.conf"),
    *("ca-certificates/extracted", "pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf"),
    *("pki/tls/openssl.d", "pki/ca-trust/extracted", "crypto-policies", "gnutls"),
    # time and language
    *("localtime", "timezone", "locale.alias", "locale.gen", "locale.conf", "default/locale"),
    # how shells and terminals begin
    *("profile", "bash.bashrc", "bashrc", "inputrc", "terminfo", "zsh", "zshrc", "zshenv"),
    # types of files
    *("mime.types", "magic", "magic.mime", "xattr.conf", "papersize"),
    # parts of languages that live in /etc; their files in /usr are links to here
    *("python2*", "python3*", "perl", "ruby*", "R", "java-*", "java", "ant", "groovy", "lua"),
    *("fpc.cfg", "fpc-*.cfg", "gnucobol*", "ldc2.conf", "mono", "nim", "racket"),
    *("maven/m2.conf", "maven/logging", "jvm*", "ghc*", "julia", "octave*", "texmf", "scala"),
    # defaults of libraries and tools, without which they refuse to work
    *("fonts", "ImageMagick-*", "ghostscript", "xml", "sgml", "OpenCL", "vulkan", "glvnd", "egl"),
    *("openmpi", "dictionaries-common", "libnl-3", "mke2fs.conf", "e2scrub.conf", "manpath.config"),
    *("groff", "gdb", "vim", "nanorc", "libblas*", "gprofng.rc"),
)

_OPEN = 0o755  # whatever the umask: a box runs as any user
_FILE_BYTES = 32 << 20
_ENTRIES_MAX = 50_000
_DEPTH_MAX = 16
_SYSTEM_UID_MAX = 999
_NOBODY = 65534
_PRIVATE_KEY = b"PRIVATE KEY-----"
_ACCOUNT_BYTES = 16 << 20
# Where a link may point: what the box shows of the host.
_SHOWN = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc/self")


def write(root: str, system: "tuple[str, ...]", *, host: str = "") -> None:
    """Write the skeleton into the new directory `root`.

    Args:
        root: must not exist.
        system: the host's own directories ("/usr", "/bin" ...), shown as they are: as a link where
            the host has a link, else empty, to be mounted over.
        host: a directory that stands for the host's "/".

    Raises:
        OSError: it can't be written.
    """
    os.mkdir(root, _OPEN)
    for path in system:
        _system(f"{host}{path}", f"{root}{path}")
    for name, mode in DIRECTORIES:
        os.mkdir(f"{root}/{name}")
        os.chmod(f"{root}/{name}", mode)
    for target, name in LINKS:
        os.symlink(target, f"{root}/{name}")
    for name, data in GENERATED:
        _write(f"{root}/{name}", data, 0o644)
    _accounts(f"{host}/etc", f"{root}/etc")
    _Copier(f"{host}/etc", f"{root}/etc").run()
    os.chmod(root, _OPEN)


def _system(source: str, target: str) -> None:
    try:
        mode = os.lstat(source).st_mode
    except OSError:
        return
    if S_ISLNK(mode):
        os.symlink(os.readlink(source), target)
    elif S_ISDIR(mode):
        os.mkdir(target)
        os.chmod(target, _OPEN)


def _write(path: str, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


# ---- accounts -----------------------------------------------------------------------------


def _accounts(source: str, target: str) -> None:
    """Write passwd and group with the system's accounts only."""
    names = {b"root"}
    lines = []
    for fields in _rows(f"{source}/passwd", 7):
        if _is_system(fields[2]):
            names.add(fields[0])
            # "x": a password that an old system has here stays outside
            lines.append(b":".join([fields[0], b"x", *fields[2:]]))
    lines = lines or [b"root:x:0:0:root:/root:/bin/sh"]
    _write(f"{target}/passwd", b"\n".join(lines) + b"\n", 0o644)
    lines = []
    for fields in _rows(f"{source}/group", 4):
        if _is_system(fields[2]):
            members = b",".join(name for name in fields[3].split(b",") if name in names)
            lines.append(b":".join([fields[0], b"x", fields[2], members]))
    lines = lines or [b"root:x:0:"]
    _write(f"{target}/group", b"\n".join(lines) + b"\n", 0o644)


def _rows(path: str, count: int) -> "list[list[bytes]]":
    try:
        with open(path, "rb") as file:
            data = file.read(_ACCOUNT_BYTES)
    except OSError:
        return []
    rows = (line.split(b":") for line in data.split(b"\n"))
    return [row for row in rows if len(row) == count and row[0][:1] not in (b"", b"#", b"+", b"-")]


def _is_system(word: bytes) -> bool:
    if not word.isdigit() or len(word) > 10:
        return False
    return int(word) <= _SYSTEM_UID_MAX or int(word) == _NOBODY


# ---- the allow-list -----------------------------------------------------------------------


class _Copier:
    """Copies what is allowed, and of that only what everybody may read."""

    __slots__ = ("_left", "_source", "_target")

    def __init__(self, source: str, target: str) -> None:
        self._source = source
        self._target = target
        self._left = _ENTRIES_MAX

    def run(self) -> None:
        names = self._names("")
        for pattern in ALLOWED:
            first, _slash, rest = pattern.partition("/")
            for name in names:
                if matches(name, first):
                    self._allowed(name, rest)

    def _allowed(self, name: str, rest: str) -> None:
        """Copy /etc/name, or only `rest` below it."""
        while rest:
            if not self._is_open_directory(name):
                return
            self._directory(name)
            first, _slash, rest = rest.partition("/")
            name = f"{name}/{first}"
        self._copy(name, 0)

    def _names(self, name: str) -> "list[str]":
        try:
            return sorted(os.listdir(f"{self._source}/{name}"))
        except OSError:
            return []

    def _is_open_directory(self, name: str) -> bool:
        try:
            mode = os.lstat(f"{self._source}/{name}").st_mode
        except OSError:
            return False
        return S_ISDIR(mode) and mode & 0o005 == 0o005

    def _directory(self, name: str) -> None:
        path = f"{self._target}/{name}"
        if not os.path.isdir(path):
            os.mkdir(path)
            os.chmod(path, _OPEN)

    def _copy(self, name: str, depth: int) -> None:
        """Copy one entry, and all below it where it is a directory."""
        self._left -= 1
        if self._left < 0 or depth > _DEPTH_MAX:
            raise errors.UnsupportedError(
                f'"/etc/{name}": too much to copy into the host base', feature="host-base"
            )
        try:
            mode = os.lstat(f"{self._source}/{name}").st_mode
        except OSError:
            return  # gone meanwhile, or never there
        if S_ISLNK(mode):
            self._link(name)
        elif S_ISREG(mode):
            self._file(name)
        elif self._is_open_directory(name):
            self._directory(name)
            for below in self._names(name):
                self._copy(f"{name}/{below}", depth + 1)

    def _link(self, name: str) -> None:
        target = os.readlink(f"{self._source}/{name}")
        if is_shown(f"/etc/{name}", target) and not os.path.lexists(f"{self._target}/{name}"):
            os.symlink(target, f"{self._target}/{name}")

    def _file(self, name: str) -> None:
        path = f"{self._source}/{name}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return  # not readable, or replaced meanwhile
        try:
            found = os.fstat(fd)
            # The mode of what was opened counts, not that of what was looked at before.
            if not S_ISREG(found.st_mode) or not found.st_mode & 0o004:
                return
            data = _read(fd)
        finally:
            os.close(fd)
        if data is None or _PRIVATE_KEY in data or os.path.lexists(f"{self._target}/{name}"):
            return
        _write(f"{self._target}/{name}", data, 0o755 if found.st_mode & 0o001 else 0o644)
        os.utime(f"{self._target}/{name}", ns=(found.st_mtime_ns, found.st_mtime_ns))


def _read(fd: int) -> "bytes | None":
    """Return the content of a file; None where it is too large to belong into /etc."""
    chunks = []
    left = _FILE_BYTES
    while chunk := os.read(fd, 1 << 20):
        chunks.append(chunk)
        left -= len(chunk)
        if left < 0:
            return None
    return b"".join(chunks)


def matches(name: str, pattern: str) -> bool:
    """Return whether a name is what a pattern with at most one "*" means."""
    before, star, after = pattern.partition("*")
    if not star:
        return name == pattern
    fits = name.startswith(before) and name.endswith(after)
    return fits and len(name) >= len(before) + len(after)


def is_shown(path: str, target: str) -> bool:
    """Return whether a link at `path` leads to where the box shows the host's files."""
    if not target.startswith("/"):
        target = f"{path.rpartition('/')[0]}/{target}"
    names: list[str] = []
    for name in target.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    whole = "/" + "/".join(names) + "/"
    return any(whole.startswith(f"{shown}/") for shown in _SHOWN)
