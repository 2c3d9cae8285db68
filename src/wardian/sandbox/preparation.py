"""What a Sandbox works out once, and every run shares: filter, plan, limits that hold here."""

import os
import resource

from wardian.engine import assembly
from wardian.engine.options import Options
from wardian.errors import UnsupportedError
from wardian.kernel import probe, seccomp_notify
from wardian.sandbox import box_plan, filters, groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wardian.runtime.plan import Plan
    from wardian.sandbox.limits import Limits
    from wardian.sandbox.policy import Policy

MOST_PROGRAMS, MOST_WORDS = 64, 4096  # plans kept, and bytes of one program's words
RLIMITS = (
    *("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_MEMLOCK"),
    *("RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RTPRIO"),
    "RLIMIT_STACK",
)


class Prepared:
    """The shared parts of a Sandbox's runs.

    Attributes:
        limits, policy: as asked for.
        plan: but for the program, which is the last step.
        unwatched: the same with an init that is not under the filter.
        bindings, held: as engine.assembly has them.
        enforced: what control groups do here.
        filter_digest: names the policy.
        for_criu: the box's user namespace owns its others, and has an id 0.
        allows_execve: executing is no call that the supervisor is asked about.
        environment: of the program, before the caller's own.
        owns_user: the box's user is somebody of his own outside, not the caller.
        degraded: what can't be enforced in full.
    """

    __slots__ = (
        "_assembly",
        "_programs",
        "allows_execve",
        "bindings",
        "degraded",
        "enforced",
        "environment",
        "filter_digest",
        "for_criu",
        "held",
        "limits",
        "owns_user",
        "plan",
        "policy",
        "unwatched",
    )

    def __init__(
        self,
        policy: "Policy",
        limits: "Limits",
        *,
        image: str | None = None,
        rootfs: str | None = None,
        for_criu: bool = False,
    ) -> None:
        self.policy, self.limits = policy, limits
        self.allows_execve = filters.allows_execve(policy)
        self.owns_user = probe.facts().is_privileged
        self.for_criu = for_criu and self.owns_user
        self.enforced = groups.find_out(limits)
        hard = _hard_limits()
        self.degraded = [*self.enforced.degraded, *_lower(limits, hard)]
        compiled = filters.compiled(policy)
        self.filter_digest = compiled.digest
        edit = box_plan.editor(
            limits,
            compiled,
            compiled.flags | self._more_flags(),
            box_plan.rlimits(
                limits,
                hard,
                memory=not self.enforced.memory,
                processes=not self.enforced.processes,
            ),
            single_id=not self.owns_user,
        )
        options = Options.parse(
            ["true"],
            image=image,
            rootfs=rootfs,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["seccomp=unconfined"],
            user=f"{box_plan.UID}:{box_plan.UID}" if self.owns_user else "0:0",
            workdir=box_plan.WORKDIR,
            **self.enforced.words,
        )
        self._assembly = assembly.assemble(options, None, edit, single_id=True)
        if self._assembly.emulation is not None:
            self.close()
            raise UnsupportedError(
                f'image "{image}" is for another processor', feature="emulation in a sandbox"
            )
        self.held = self._assembly.held
        quiet = filters.quiet(policy).bpf if policy.audit else b""
        self.bindings = {**self._assembly.bindings, f"$seccomp:{compiled.digest}": compiled.bpf}
        self.bindings[box_plan.QUIET] = quiet
        self.unwatched = box_plan.arrange(
            self._assembly.plan,
            own_user=self.owns_user,
            quiet=bool(quiet),
            is_owning=self.for_criu,
        )
        self.plan: Plan = box_plan.watched(self.unwatched)
        self.environment = {**box_plan.ENVIRONMENT}
        for entry in options.env:
            name, _sign, value = entry.partition("=")
            self.environment[name] = value
        self._programs: dict[tuple[object, ...], Plan] = {}

    def with_program(self, argv: "Sequence[str]", environment: "Mapping[str, str]") -> "Plan":
        """Return the plan of a program; who runs the same again gets the same.

        Args:
            argv: the program and its arguments.
            environment: over that of all runs.
        """
        key = (*argv, *environment.items())
        found = self._programs.get(key)
        if found is None:
            whole = {**self.environment, **environment}
            found = box_plan.with_program(self.plan, [*argv], whole)
            if sum(map(len, argv)) + sum(map(len, environment.values())) < MOST_WORDS:
                if len(self._programs) >= MOST_PROGRAMS:
                    self._programs.clear()
                self._programs[key] = found
        return found

    def bindings_of(self, owner: int | None) -> "dict[str, str | bytes]":
        """Return what the plan's symbols stand for in one box, but for its control group.

        Args:
            owner: its user as the host sees it; None where that is the caller.
        """
        if owner is not None:
            return self.bindings
        uid, gid = os.geteuid(), os.getegid()
        return {**self.bindings, "$uid_map": f"0 {uid} 1\n", "$gid_map": f"0 {gid} 1\n"}

    def _more_flags(self) -> int:
        """Return those of the flags that this kernel knows; what lacks is degraded."""
        wanted = [(filters.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "signals")]
        if self.policy.audit:
            wanted.append((filters.SECCOMP_FILTER_FLAG_LOG, "audit"))
        found = 0
        for flag, what in wanted:
            if seccomp_notify.knows_flags(filters.SECCOMP_FILTER_FLAG_NEW_LISTENER | flag):
                found |= flag
            else:
                self.degraded.append(f"{what}: this kernel's seccomp has no flag {flag:#x}")
        return found

    def close(self) -> None:
        """Let go of the image."""
        self._assembly.release(finished=True)


def _hard_limits() -> "dict[str, int]":
    found = {}
    for name in RLIMITS:
        hard = resource.getrlimit(getattr(resource, name))[1]
        if hard != resource.RLIM_INFINITY:
            found[name] = hard
    return found


def _lower(limits: "Limits", hard: "dict[str, int]") -> "list[str]":
    """Return what this process's own hard limits make less than was asked for."""
    asked = {
        "RLIMIT_CPU": limits.cpu_s,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_STACK": limits.stack_bytes,
        "RLIMIT_AS": limits.address_space_bytes or limits.memory_bytes,
        "RLIMIT_DATA": limits.memory_bytes,
    }
    return [
        f"{name}: {hard[name]}, this process's own hard limit"
        for name, value in asked.items()
        if hard.get(name, value) < value
    ]
