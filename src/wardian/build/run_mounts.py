"""RUN --mount: what a step sees besides its layers, and what does not stay in them.

    type=bind    [from=STAGE|IMAGE|CONTEXT] [source=PATH] target=PATH [rw]     a copy, thrown away
    type=cache   target=PATH [id=] [sharing=shared|private|locked] [from=] [source=] [mode=uid=gid=]
    type=secret  id=ID [target=PATH] [env=NAME] [mode=] [required]             never on a disk
    type=ssh     [id=ID] [target=PATH] [mode=uid=gid=] [required]              an agent's socket
    type=tmpfs   target=PATH [size=]

    WARDIAN_ROOT/cache/build/mounts/HEX-N   a cache's directory; who uses it holds a lock

Source: Dockerfile reference, "RUN --mount".

Kernel: flock(2).
"""

import errno
import fcntl
import os
import posixpath
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian import errors, units
from wardian.build import copy_step, pieces, ssh_agent
from wardian.build.state import expand

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.build.helper import Node
    from wardian.build.instructions import Instruction, Word
    from wardian.build.job import Job
    from wardian.build.state import State

_FOLDER = "cache/build/mounts"
_ALIASES = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "ro": "readonly",
    "rw": "readwrite",
}
_KEYS = {
    "bind": ("source", "target", "from", "readonly", "readwrite"),
    "cache": (
        *("id", "target", "readonly", "readwrite", "sharing", "from", "source"),
        *("mode", "uid", "gid"),
    ),
    "tmpfs": ("target", "size"),
    "secret": ("id", "target", "required", "mode", "uid", "gid", "env"),
    "ssh": ("id", "target", "required", "mode", "uid", "gid"),
}
_SHARINGS = ("shared", "private", "locked")
_AGENT = "/run/buildkit/ssh_agent"  # docker's place
_AGENT_ID = "default"
_CACHES_MAX = 100
_CHUNK_BYTES = 1 << 20


@dataclass
class Given:
    """What a box gets for its mounts.

    Attributes:
        mounts: words of --mount.
        tmpfs: words of --tmpfs.
        files: secrets: path, mode, content.
        owners: of secrets, where that is not root: path, uid, gid.
        env: secrets as variables.
        directories: places that must be there as directories.
        places: places that must be there as files.
        locks: descriptors to close at the end.
        agents: sockets that lead to one, to close at the end.
    """

    mounts: "list[str]" = field(default_factory=list)
    tmpfs: "list[str]" = field(default_factory=list)
    files: "list[tuple[str, int, bytes]]" = field(default_factory=list)
    owners: "list[tuple[str, int, int]]" = field(default_factory=list)
    env: "dict[str, str]" = field(default_factory=dict)
    directories: "list[str]" = field(default_factory=list)
    places: "list[str]" = field(default_factory=list)
    locks: "list[int]" = field(default_factory=list)
    agents: "list[ssh_agent.Forwarded]" = field(default_factory=list)

    def close(self) -> None:
        """Let go of the caches and agents."""
        while self.agents:
            self.agents.pop().close()
        while self.locks:
            os.close(self.locks.pop())


@dataclass(frozen=True)
class Mount:
    """One --mount, checked.

    Attributes:
        kind: bind, cache, secret, ssh or tmpfs.
        words: by key.
        target: absolute, or "".
        word: as written.
    """

    kind: str
    words: "dict[str, str]"
    target: str
    word: "Word"

    def flag(self, name: str) -> bool:
        """Return whether a key without a value is set."""
        return self.words.get(name, "false").lower() in ("true", "1")


def parse(state: "State", instruction: "Instruction") -> "list[Mount]":
    """Return the mounts of a RUN.

    Raises:
        SpecError: one is wrong.
    """
    found: list[Mount] = []
    for word in instruction.flags.get("mount", []):
        mount = _parse(state, instruction, word)
        if mount.kind == "ssh" and not mount.target:
            number = sum(one.kind == "ssh" for one in found)
            mount = replace(mount, target=f"{_AGENT}.{number}")
        found.append(mount)
    return found


def _parse(state: "State", instruction: "Instruction", word: "Word") -> Mount:
    text = expand(instruction, word, state.variables, state.escape)
    words: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        words[key] = value if equals else "true"
    kind = words.pop("type", "bind")
    if kind not in _KEYS:
        hint = ", ".join(_KEYS)
        raise instruction.fault(f'--mount: type "{kind}" is unknown', word, hint=hint)
    for key in words:
        if key not in _KEYS[kind]:
            hint = f"type={kind} has {', '.join(_KEYS[kind])}"
            raise instruction.fault(f'--mount: unknown key "{key}"', word, hint=hint)
    if words.get("sharing", "shared") not in _SHARINGS:
        hint = ", ".join(_SHARINGS)
        raise instruction.fault(f'--mount: sharing "{words["sharing"]}"', word, hint=hint)
    return Mount(kind, words, _target(state, instruction, word, (kind, words)), word)


def _target(
    state: "State",
    instruction: "Instruction",
    word: "Word",
    asked: "tuple[str, dict[str, str]]",
) -> str:
    """Return where a mount comes to lie; "" for nowhere."""
    kind, words = asked
    target = words.get("target", "")
    if kind == "secret":
        words.setdefault("id", posixpath.basename(target))
        if not words["id"]:
            raise instruction.fault("--mount: a secret needs an id", word)
        if not target and "env" not in words:
            target = f"/run/secrets/{words['id']}"
    elif not target and kind != "ssh":
        raise instruction.fault(f"--mount: type={kind} needs a target", word)
    if not target:
        return ""
    target = posixpath.normpath(posixpath.join("/", state.workdir, target))
    if target == "/":
        raise instruction.fault('--mount: the target can\'t be "/"', word)
    return target


class Mounts:
    """The mounts of one RUN."""

    def __init__(self, job: "Job", state: "State", instruction: "Instruction") -> None:
        self._job = job
        self._state = state
        self._instruction = instruction
        self._mounts = parse(state, instruction)
        self._is_fresh = False

    @property
    def key(self) -> "list[object]":
        """What tells them from others, for the build cache; of most kinds the words alone."""
        return [
            [mount.kind, mount.target, sorted(mount.words.items()), self._content(mount)]
            for mount in self._mounts
        ]

    @property
    def has_caches(self) -> bool:
        """Something may be there that an earlier build has fetched."""
        return any(mount.kind == "cache" for mount in self._mounts)

    def _content(self, mount: Mount) -> "object":
        if mount.kind != "bind":
            return None
        context = self._context(mount)
        if context is None:
            return list(self._layers(mount))
        found = context.find(mount.words.get("source", ""))[0]
        return context.digest(
            [found, *context.walk(found.path)] if found.kind == "directory" else [found]
        )

    def _context(self, mount: Mount) -> "Any":
        origin = mount.words.get("from", "")
        return self._job.context if not origin else self._job.named_context(origin)

    def _layers(self, mount: Mount) -> "tuple[str, ...]":
        return copy_step.layers_of(self._job, self._state, mount.words["from"])

    def give(self, folder: str, *, is_fresh: bool = False) -> Given:
        """Prepare them.

        Args:
            folder: a directory of our own, for copies.
            is_fresh: caches begin empty and are thrown away: what is in one is not asked of the
                network, and so would not be written down.
        """
        given = Given()
        self._is_fresh = is_fresh
        makers: dict[str, Callable[[Mount, Given, str], None]] = {
            "bind": self._bind,
            "cache": self._cache,
            "secret": self._secret,
            "ssh": self._ssh,
            "tmpfs": self._tmpfs,
        }
        try:
            for number, mount in enumerate(self._mounts):
                makers[mount.kind](mount, given, f"{folder}/mount{number}")
        except BaseException:
            given.close()
            raise
        return given

    # ---- bind --------------------------------------------------------------------------------

    def _bind(self, mount: Mount, given: Given, folder: str) -> None:
        source = self._copied(mount, folder)
        if os.path.isdir(source):
            given.directories.append(mount.target)
        else:
            given.places.append(mount.target)
        ending = "" if mount.flag("readwrite") else ",readonly"
        given.mounts.append(self._bound(source, mount) + ending)

    def _bound(self, source: str, mount: Mount) -> str:
        for path in (source, mount.target):
            if "," in path:
                raise self._instruction.fault(f'--mount: "{path}" has a comma', mount.word)
        return f"type=bind,source={source},target={mount.target}"

    def _copied(self, mount: Mount, folder: str) -> str:
        """Return a copy of what is bound: with the modes and times that COPY gives."""
        os.mkdir(folder, 0o755)
        os.mkdir(f"{folder}/tree", 0o755)
        data = f"{folder}/data"
        nodes = self._nodes(mount, data)
        for node in nodes:
            node.path = f"x/{node.path}" if node.path else "x"
            if node.kind == pieces.HARD_LINK:
                node.target = f"x/{node.target}" if node.target else "x"
        self._job.helper.build([("", nodes)], data, f"{folder}/tree")
        return f"{folder}/tree/x"

    def _nodes(self, mount: Mount, data: str) -> "list[Node]":
        source = mount.words.get("source", "")
        context = self._context(mount)
        if context is None:
            return self._job.helper.read(self._layers(mount), [source], data)[0][1]
        thing = pieces.of_context(context, context.find(source)[0], self._job.epoch_s)
        offset = 0
        with open(data, "wb") as sink:
            for piece in thing.pieces:
                if not isinstance(piece.data, str):
                    continue
                piece.node.offset = offset
                with open(piece.data, "rb", buffering=0) as file:
                    while chunk := file.read(_CHUNK_BYTES):
                        sink.write(chunk)
                        offset += len(chunk)
        return [piece.node for piece in thing.pieces]

    # ---- cache -------------------------------------------------------------------------------

    def _cache(self, mount: Mount, given: Given, folder: str) -> None:
        name = mount.words.get("id") or mount.target
        whole = sha256(f"{name}\0{mount.words.get('from', '')}".encode()).hexdigest()[:32]
        place = f"{self._job.root_dir}/{_FOLDER}"
        os.makedirs(place, 0o700, exist_ok=True)
        sharing = mount.words.get("sharing", "shared")
        if self._is_fresh:
            path = f"{folder}-fresh"
            os.mkdir(path, 0o700)
        else:
            path, lock = _claimed(f"{place}/{whole}", sharing)
            given.locks.append(lock)
        if not os.path.isdir(f"{path}/tree"):
            self._fill(mount, path, folder)
        given.directories.append(mount.target)
        ending = ",readonly" if mount.flag("readonly") else ""
        given.mounts.append(self._bound(f"{path}/tree", mount) + ending)

    def _fill(self, mount: Mount, path: str, folder: str) -> None:
        """Make a cache's directory; it appears complete."""
        os.mkdir(folder, 0o755)
        temporary = f"{folder}/tree"
        os.mkdir(temporary, 0o755)
        if "from" in mount.words:
            nodes = self._nodes(mount, f"{folder}/data")
            self._job.helper.build([("", nodes)], f"{folder}/data", temporary)
        uid, gid, mode = (self._number(mount, key) for key in ("uid", "gid", "mode"))
        if (uid, gid, mode) != (None, None, None):
            mode = 0o755 if mode is None else mode
            self._job.helper.own(temporary, uid or 0, gid or 0, mode, target=f"{path}/tree")
            return
        os.chmod(temporary, 0o755)  # noqa: S103 - whatever the umask
        try:
            os.rename(temporary, f"{path}/tree")
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            # another build was faster; ours goes with the rest of the step

    def _number(self, mount: Mount, key: str) -> "int | None":
        text = mount.words.get(key)
        if text is None:
            return None
        base = 8 if key == "mode" else 10
        try:
            return int(text.removeprefix("0o"), base)
        except ValueError:
            raise self._instruction.fault(f'--mount: {key} "{text}"', mount.word) from None

    # ---- the others --------------------------------------------------------------------------

    def _secret(self, mount: Mount, given: Given, _folder: str) -> None:
        name = mount.words["id"]
        secret = self._job.options.secrets.get(name)
        if secret is None:
            if mount.flag("required"):
                hint = f"--secret id={name},src=FILE"
                raise self._instruction.fault(
                    f'the secret "{name}" was not given', mount.word, hint=hint
                )
            return
        data = secret if isinstance(secret, bytes) else _read(secret, name)
        if "env" in mount.words:
            given.env[mount.words["env"]] = data.decode("utf-8", "surrogateescape")
        if not mount.target:
            return
        mode = self._number(mount, "mode")
        owner = (self._number(mount, "uid") or 0, self._number(mount, "gid") or 0)
        if owner != (0, 0):
            given.owners.append((mount.target, *owner))
        given.places.append(mount.target)
        given.files.append((mount.target, 0o400 if mode is None else mode, data))

    def _ssh(self, mount: Mount, given: Given, folder: str) -> None:
        name = mount.words.get("id", _AGENT_ID)
        agent = self._job.agents.get(name)
        if agent is None:
            if mount.flag("required"):
                hint = f"--ssh {name}, or --ssh {name}=SOCKET"
                message = f'the ssh agent "{name}" was not given'
                raise self._instruction.fault(message, mount.word, hint=hint)
            return
        os.mkdir(folder, 0o700)
        forwarded = ssh_agent.Forwarded(folder, agent)
        given.agents.append(forwarded)
        uid, gid, mode = (self._number(mount, key) for key in ("uid", "gid", "mode"))
        os.chmod(forwarded.path, 0o600 if mode is None else mode)
        if uid or gid:
            self._job.helper.own(
                forwarded.path, uid or 0, gid or 0, 0o600 if mode is None else mode
            )
        given.env.setdefault("SSH_AUTH_SOCK", mount.target)
        given.places.append(mount.target)
        given.mounts.append(self._bound(forwarded.path, mount))

    def _tmpfs(self, mount: Mount, given: Given, _folder: str) -> None:
        words = ["exec", "mode=1777"]
        if "size" in mount.words:
            words.append(f"size={units.parse_size(mount.words['size'], '--mount: size')}")
        given.directories.append(mount.target)
        given.tmpfs.append(f"{mount.target}:{','.join(words)}")


def _read(path: str, name: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(units_max() + 1)
    except OSError as error:
        raise errors.NotFoundError(
            f'secret "{name}": "{path}": {os.strerror(error.errno or 0).lower()}'
        ) from None
    if len(data) > units_max():
        raise errors.UsageError(f'secret "{name}" is larger than {units_max()} bytes')
    return data


def units_max() -> int:
    """Return how large a secret may be, as docker has it."""
    return 500 << 10


def _claimed(path: str, sharing: str) -> "tuple[str, int]":
    """Return a cache's directory and the lock on it.

    "shared" is used by many at once, "locked" by one after the other, and "private" takes another
    directory where the first is in use.
    """
    kind = fcntl.LOCK_SH if sharing == "shared" else fcntl.LOCK_EX
    for number in range(_CACHES_MAX):
        one = f"{path}-{number}"
        os.makedirs(one, 0o700, exist_ok=True)
        fd = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, kind | (fcntl.LOCK_NB if sharing == "private" else 0))
        except BlockingIOError:
            os.close(fd)
            continue
        return one, fd
    raise errors.StatusError(f"{_CACHES_MAX} builds use the cache already")
