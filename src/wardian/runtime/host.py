"""What compiling a plan must know of a machine and a user."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Host:
    """What `compile` must know of a machine and a user; probed once.

    Attributes:
        ids: "host" (root, no user namespace), "range" (user namespace with subordinate ids by
            newuidmap), "single" (user namespace with one id) or "given" (whatever the spec says).
        cgroup_mode: "v1", "hybrid", "v2" or "none".
        controllers: the control group controllers at hand.
        cpus, mems: what the machine has, as a list in cpuset's words ("0-3").
        cgroup_names: the v1 hierarchies as /proc/self/cgroup names them ("cpu,cpuacct").
        grouped: the box gets a control group even without limits.
        scoped: systemd makes it.
        nested: the caller is in a user namespace, where no device nodes can be made.
        set_groups: supplementary groups may be set; a user namespace with a single id forbids it.
    """

    __slots__ = (
        "cgroup_mode",
        "cgroup_names",
        "controllers",
        "cpus",
        "grouped",
        "ids",
        "mems",
        "nested",
        "scoped",
        "set_groups",
    )

    def __init__(
        self,
        *,
        ids: str = "host",
        cgroup_mode: str = "none",
        controllers: "Iterable[str]" = (),
        cpus: str = "0",
        mems: str = "0",
        set_groups: bool = True,
        cgroup_names: "Iterable[str]" = (),
        grouped: bool = False,
        scoped: bool = False,
        nested: bool = False,
    ) -> None:
        self.nested = nested
        self.grouped = grouped
        self.scoped = scoped
        self.ids = ids
        self.set_groups = set_groups and ids != "single"
        self.cgroup_mode = cgroup_mode
        self.cgroup_names = tuple(cgroup_names)
        self.controllers = frozenset(controllers)
        self.cpus = cpus
        self.mems = mems

    @property
    def rootless(self) -> bool:
        """True where the box gets a user namespace of its own."""
        return self.ids in ("range", "single")
