"""Put together what one container is made of: base, account, filter, spec, plan and bindings.

Everything here is cheap when warm: no file is parsed but the base's passwd, and only where a user
was named.
"""

import os

from wardian import errors
from wardian.engine import accounts, bundle, directories, profiles
from wardian.kernel import capabilities, paths, probe
from wardian.runtime import plan
from wardian.runtime.host import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.engine import kept
    from wardian.engine.emulation import Emulation
    from wardian.engine.image_base import ImageBase, Progress
    from wardian.engine.options import Options
    from wardian.kernel import idmap
    from wardian.runtime.filter_cache import SeccompFilter
    from wardian.runtime.spec import Mount, Spec

ACCOUNT_FILE_BYTES = 1 << 20
NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts")


class Assembly:
    """The parts of one container, ready to start.

    Attributes:
        plan: the compiled plan.
        bindings: what its symbols stand for here; the control group's come when it is made.
        id_maps: what to write from outside, or None.
        held: descriptors that stay open until the box is gone (locks).
        emulation: of another processor, or None.
        warnings: what the user should know.
    """

    __slots__ = (
        "_image",
        "_layer",
        "bindings",
        "emulation",
        "held",
        "id_maps",
        "plan",
        "warnings",
    )

    def __init__(
        self,
        made: "plan.Plan",
        bindings: "dict[str, str | bytes]",
        *,
        id_maps: "idmap.Maps | None",
        layer: "kept.Layer | None" = None,
        image: "ImageBase | None" = None,
    ) -> None:
        self.plan = made
        self.bindings = bindings
        self.id_maps = id_maps
        self._layer = layer
        self._image = image
        self.emulation: Emulation | None = None
        self.held = [layer.lock_fd] if layer else []
        if image is not None:
            self.held.append(image.lease_fd)
        self.warnings: list[str] = []

    def again(self) -> "Assembly":
        """Return the parts for another run of the same; for those without anything to hold."""
        return Assembly(self.plan, self.bindings, id_maps=self.id_maps)

    @property
    def keeps(self) -> bool:
        """A layer is kept, which must not be mounted any more when it is let go."""
        return self._layer is not None

    def attend(self, pid: int) -> None:
        """Do what a feature has to do in the box's namespaces before its program starts."""
        loan = self._image.loan if self._image is not None else None
        if loan is not None and loan.attend is not None:
            loan.attend(pid)

    def release(self, *, finished: bool) -> None:
        """Let go of the kept layer and the image."""
        self.held = []
        if self._layer is not None:
            if finished:
                self._layer.mark_finished()
            self._layer.close()
            self._layer = None
        if self._image is not None:
            self._image.close()
            self._image = None
        if self.emulation is not None:
            self.emulation.close()
            self.emulation = None


_swept: set[int] = set()
# Where a killed engine may have left control groups; a listing tells whether to look closer.
GROUPS = tuple(f"/sys/fs/cgroup{at}" for at in ("", "/unified", "/freezer", "/memory"))


def _sweep_once() -> None:
    """Remove what killed commands left behind; once a process, since it lists directories."""
    if os.getpid() in _swept:
        return
    _swept.add(os.getpid())
    if any(name.startswith("wardian-") for at in GROUPS for name in _listed(at)):
        from wardian.kernel import cgroups

        cgroups.sweep(cgroups.detect())
    if _listed(os.path.join(directories.state_path(), "groups")):
        from wardian.engine import groups

        groups.sweep()
    layers = os.path.join(directories.root(), "kept")
    if any(name.startswith(".tmp-") for name in _listed(layers)):
        from wardian.engine import kept, mapped

        kept.sweep(remove_tree=mapped.remove_tree)


def _listed(directory: str) -> "list[str]":
    try:
        return os.listdir(directory)
    except OSError:
        return []


def assemble(
    options: "Options",
    progress: "Progress | None" = None,
    edit: "Callable[[Spec], None] | None" = None,
    *,
    single_id: bool = False,
) -> Assembly:
    """Return the parts for these options.

    Args:
        options: of the run; an image fills in what they leave open.
        progress: called with what a pull does.
        edit: changes the specification before it is compiled.
        single_id: below an ordinary user the box has one id even where it could have a range.

    Raises:
        UsageError: a value that does not fit the base.
        NotFoundError: a root, program or profile that is not there.
        UnsupportedError: this machine or user can't do what was asked.
    """
    facts = probe.facts()
    _sweep_once()
    id_maps = None
    if not facts.is_privileged:
        from wardian.kernel import idmap

        id_maps = (
            idmap.Maps([(0, facts.uid, 1)], [(0, facts.gid, 1)], helper=False)
            if single_id
            else idmap.rootless_maps(facts.uid, facts.gid)
        )
    ids = "host" if id_maps is None else ("range" if id_maps.helper else "single")
    source = _Source(options, progress)
    layer = None
    try:
        if source.image is not None:
            from wardian.engine import image_config

            image_config.apply(options, source.image.record.config)
        layer = _layer(options, source)
        if layer is not None:
            source.bindings.update(layer.bindings())
            source.look_first_in(layer.path)
        made = _compiled(options, source, ids, edit)
        if id_maps is not None:
            source.bindings["$uid_map"] = id_maps.uid_map
            source.bindings["$gid_map"] = id_maps.gid_map
        if layer is not None:
            layer.note_mounts(made)
        found = Assembly(made, source.bindings, id_maps=id_maps, layer=layer, image=source.image)
        _look_at_platform(found, options, source)
    except BaseException:
        if layer is not None:
            layer.close()
        if source.image is not None:
            source.image.close()
        raise
    return found


def _compiled(
    options: "Options", source: "_Source", ids: str, edit: "Callable[[Spec], None] | None"
) -> "plan.Plan":
    """Return the plan; the source's bindings get what it needs besides."""
    account = accounts.resolve(options.user or "", source.read, group_add=options.group_add)
    _check_ids(account, ids)
    sets = bundle.capability_sets(options, account.uid, rootless=ids != "host")
    if options.cap_add and ids == "host":
        _check_capabilities(capabilities.mask(sets["bounding"]))
    seccomp = _filter(options, capabilities.mask(sets["bounding"]))
    if seccomp is not None:
        source.bindings[f"$seccomp:{seccomp.digest}"] = seccomp.bpf
    if edit is not None:
        spec = bundle.make_spec(options, source.base, account, ids=ids, seccomp=seccomp)
        edit(spec)
        return plan.compile(spec, _host(options, ids))
    key = _key(options, source, account, ids=ids, digest=seccomp.digest if seccomp else "")
    made = _plans.get(key)
    if made is None:
        spec = bundle.make_spec(options, source.base, account, ids=ids, seccomp=seccomp)
        made = plan.compile(spec, _host(options, ids))
        if len(_plans) >= PLANS_MAXIMUM:
            _plans.clear()
        _plans[key] = made
    return made


def _look_at_platform(found: Assembly, options: "Options", source: "_Source") -> None:
    """Have the programs of another processor emulated."""
    if source.image is None or not source.image.record.emulated:
        return
    from wardian.engine.emulation import Emulation

    record = source.image.record
    if not options.platform:
        found.warnings.append(
            f"the image is for {record.platform}, and this machine is {probe.facts().machine}"
        )
    found.emulation = Emulation(record.platform, rootless=found.id_maps is not None)


# Equal options over an equal base give an equal plan: `compile` is pure.
_plans: "dict[tuple[object, ...], plan.Plan]" = {}
PLANS_MAXIMUM = 64


def _key(
    options: "Options", source: "_Source", account: "accounts.Account", *, ids: str, digest: str
) -> "tuple[object, ...]":
    """Return all that a plan depends on, as one hashable value."""
    who = (account.uid, account.gid, tuple(account.groups), account.home)
    base = repr([getattr(source.base, name) for name in source.base.__slots__])
    asked = tuple(_frozen(getattr(options, name)) for name in options.__slots__)
    return (asked, base, who, ids, digest)


def _frozen(value: object) -> object:
    """Return a hashable value that is equal for equal options."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, dict):
        return tuple((key, _frozen(one)) for key, one in value.items())
    return tuple(_frozen(getattr(value, name)) for name in type(value).__slots__)  # type: ignore[attr-defined]


def _host(options: "Options", ids: str) -> "Host":
    """Return what the plan depends on; control groups only where there are limits."""
    may = ids != "host" or probe.may_set_groups()
    if not options.resources and not options.cgroup_parent:
        return Host(ids=ids, set_groups=may)
    from wardian.kernel import cgroups

    layout = cgroups.detect()
    return Host(
        ids=ids,
        set_groups=may,
        cgroup_mode=layout.mode,
        controllers=layout.controllers,
        cpus=probe.cpus(),
        mems=probe.mems(),
        grouped=bool(options.cgroup_parent),
        scoped=options.cgroup_manager == "systemd",
    )


class _Source:
    """Where the root comes from: an image, the host base, a directory, or nothing.

    Attributes:
        base: as the plan sees it, with symbols.
        parts: each part's path in the box and its real lower directory.
        bindings: what the symbols stand for.
        identity: names the base for a kept layer.
        image: the image, held; or None.
    """

    __slots__ = ("_uppers", "base", "bindings", "identity", "image", "parts")

    def __init__(self, options: "Options", progress: "Progress | None" = None) -> None:
        self.bindings: dict[str, str | bytes] = {}
        self._uppers: list[str] = []
        self.image: ImageBase | None = None
        mounts: list[Mount] = []
        links: list[tuple[str, str]] = []
        if options.image is not None:
            from wardian.engine import image_base

            self.image = image_base.open_image(
                options.image,
                options.platform,
                directories.root(),
                pull=options.pull,
                progress=progress,
            )
            self.bindings.update(self.image.bindings)
            self.identity, self.parts = self.image.record.identity, [("/", "")]
            shown = [("/", self.image.lower)]
        elif options.scratch:
            self.identity, self.parts = "scratch", []
            shown = []
            mounts, links = _closure(options.closure)
        elif options.rootfs is not None:
            directory = _checked_root(options.rootfs)
            self.identity, self.parts = directory, [("/", directory)]
            shown = [("/", [directory])]
        else:
            from wardian.engine import hostbase

            found = hostbase.prepare(directories.root())
            self.identity, self.parts = found.identity, list(found.parts)
            shown = [
                (path, [self._symbol(index, lower)])
                for index, (path, lower) in enumerate(self.parts)
            ]
            # What is mounted below /usr and can't be a layer of an overlay.
            mounts = [_shown(path, path, "a mount of the host's own") for path in found.binds]
        self.base = bundle.Base(shown, mounts, links)
        if self.image is not None:
            self.base.layers = self.image.mounts
            self.base.emulated = self.image.record.emulated
            self.base.take_loan(self.image.loan)
        if options.network == "host":
            self.base.shared = [path for path in NETWORK_FILES if os.path.exists(path)]

    def _symbol(self, index: int, lower: str) -> str:
        """Name a directory of wardian's own by symbol, so that its place is not in the hash."""
        if not lower.startswith(directories.root() + "/"):
            return lower
        name = f"$base{index}"
        self.bindings[name] = lower
        return name

    def look_first_in(self, layer: str) -> None:
        """A kept layer may have a passwd of its own."""
        self._uppers = [f"{layer}/upper0"]

    def read(self, path: str) -> bytes | None:
        """Read a small file of the base; None where there is none."""
        lowers = [lower for part, lower in self.parts if part == "/" and lower]
        for directory in [*self._uppers, *lowers]:
            try:
                data = paths.read_in_root(directory, path, ACCOUNT_FILE_BYTES)
            except errors.SpecError:  # a whiteout: the layer has deleted the file
                if directory in self._uppers:
                    return None
                raise
            if data is not None:
                return data
        if self.image is not None:
            text = self.image.record.accounts.get(path)
            return None if text is None else os.fsencode(text)
        return None


def _checked_root(path: str) -> str:
    """Return a root directory's real path.

    A symbolic link is followed only while it stays beside itself: one that leads out of its parent
    is more often a trap or a mistake than a wish.
    """
    given = os.path.abspath(path)
    try:
        real = os.path.realpath(given, strict=True)
        is_directory = os.path.isdir(real)
    except OSError as error:
        hint = "--rootfs takes a directory that holds a root file system"
        if isinstance(error, FileNotFoundError):
            raise errors.NotFoundError(f'root "{path}": no such directory', hint=hint) from None
        raise errors.KernelError(f'open("{path}")', error.errno or 0, hint=hint) from None
    if not is_directory:
        raise errors.UsageError(f'root "{path}": not a directory')
    if os.path.islink(given):
        parent = os.path.realpath(os.path.dirname(given))
        if os.path.commonpath((parent, real)) != parent:
            raise errors.UsageError(
                f'root "{path}" is a symbolic link out of its directory, to "{real}"',
                hint=f"give the directory itself: --rootfs {real}",
            )
    return real


def _closure(programs: "list[str]") -> "tuple[list[Mount], list[tuple[str, str]]]":
    """Show each file that the programs need where it really is, and the links that lead there."""
    if not programs:
        return [], []
    from wardian.engine import closure

    found = closure.closure_of(programs)
    reason = "the program needs it"
    return [_shown(target, source, reason) for target, source in found.files], found.links


def _shown(target: str, source: str, reason: str) -> "Mount":
    """Bind a path of the host read-only."""
    return {
        "destination": target,
        "type": "bind",
        "source": source,
        "options": ["bind", "ro", "nosuid", "nodev"],
        "reason": reason,
    }


def _layer(options: "Options", source: _Source) -> "kept.Layer | None":
    if not (options.keep or options.from_kept):
        return None
    from wardian.engine import kept

    if options.keep:
        top = source.image.record.top if source.image else None
        return kept.create(options.keep, source.parts, source.identity, top=top)
    return kept.open(options.from_kept or "", source.parts, source.identity)


def _check_ids(account: "accounts.Account", ids: str) -> None:
    if ids == "single" and (account.uid, account.gid) != (0, 0):
        raise errors.UnsupportedError(
            f"user {account.uid}:{account.gid}: without subordinate ids (/etc/subuid) a box has "
            "only user 0",
            feature="subordinate ids",
            hint="install newuidmap (package uidmap) and add ranges to /etc/subuid and /etc/subgid",
        )


def _check_capabilities(wanted: int) -> None:
    lacking = capabilities.names(wanted & ~capabilities.own())
    if lacking:
        raise errors.UnsupportedError(
            f"{' and '.join(lacking)}: wardian does not have it itself, so no box can get it",
            feature="capabilities",
            hint="CapPrm and CapBnd in /proc/self/status are what the caller gave to wardian",
        )


def _filter(options: "Options", caps: int) -> "SeccompFilter | None":
    cache = os.path.join(directories.cache(), "seccomp")
    return profiles.seccomp_filter(
        options.seccomp, caps=caps, cache_dir=cache, supervised=options.supervised
    )
