"""Put together what one container is made of: base, account, filter, spec, plan and bindings.

Everything here is cheap when warm: no file is parsed but the base's passwd, and only where a user
was named.
"""

import os

from wardian import errors
from wardian.engine import accounts, bundle, directories, hostbase, kept, profiles
from wardian.kernel import cgroups, idmap, probe
from wardian.runtime import plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.engine.options import Options
    from wardian.runtime.spec import Mount

ACCOUNT_FILE_BYTES = 1 << 20


class Assembly:
    """The parts of one container, ready to start.

    Attributes:
        plan: the compiled plan.
        bindings: what its symbols stand for here; the control group's come when it is made.
        layout: the control groups of this machine.
        id_maps: what to write from outside, or None.
        held: descriptors that stay open until the box is gone (locks).
        warnings: what the user should know.
    """

    __slots__ = ("_layer", "bindings", "held", "id_maps", "layout", "plan", "warnings")

    def __init__(
        self,
        made: "plan.Plan",
        bindings: "dict[str, str | bytes]",
        *,
        layout: "cgroups.Layout",
        id_maps: "idmap.Maps | None",
        layer: "kept.Layer | None",
    ) -> None:
        self.plan = made
        self.bindings = bindings
        self.layout = layout
        self.id_maps = id_maps
        self._layer = layer
        self.held = [layer.lock_fd] if layer else []
        self.warnings: list[str] = []

    def release(self, *, finished: bool) -> None:
        """Let go of the kept layer."""
        if self._layer is not None:
            if finished:
                self._layer.mark_finished()
            self._layer.close()
            self._layer = None
            self.held = []


def assemble(options: "Options") -> Assembly:
    """Return the parts for these options.

    Raises:
        UsageError, NotFoundError: a value that does not fit the base.
        UnsupportedError: this machine or user can't do what was asked.
    """
    facts = probe.facts()
    layout = cgroups.detect()
    rootless = facts.uid != 0
    id_maps = idmap.rootless_maps(facts.uid, facts.gid) if rootless else None
    ids = "host" if id_maps is None else ("range" if id_maps.helper else "single")
    base, bindings = _base(options)
    layer = _layer(options, base)
    try:
        account = _account(options, base, bindings, ids)
        caps = 0
        found = profiles.seccomp_filter(
            options.seccomp, caps=_capability_mask(options, account.uid), cache_dir=_cache()
        )
        digest = ""
        if found is not None:
            digest = found.digest
            bindings[f"$seccomp:{digest}"] = found.bpf
        del caps
        spec = bundle.make_spec(
            options,
            base,
            account,
            rootless=rootless,
            seccomp_digest=digest,
            single_id=ids == "single",
        )
        host = plan.Host(
            ids=ids,
            cgroup_mode=layout.mode,
            controllers=layout.controllers,
            cpus=probe.cpus() if options.resources else "0",
            mems=probe.mems() if options.resources else "0",
        )
        made = plan.compile(spec, host)
    except BaseException:
        if layer is not None:
            layer.close()
        raise
    if layer is not None:
        bindings.update(layer.bindings())
    if id_maps is not None:
        bindings["$uid_map"] = id_maps.uid_map
        bindings["$gid_map"] = id_maps.gid_map
    return Assembly(made, bindings, layout=layout, id_maps=id_maps, layer=layer)
