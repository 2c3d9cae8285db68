"""A small spec for the tests of the runtime package."""

from typing import Any

from wardian.runtime import plan
from wardian.runtime.host import Host
from wardian.runtime.plan import Plan

NAMESPACES = ("mount", "pid", "ipc", "uts", "network", "cgroup")


def small_spec(**changes: Any) -> dict[str, Any]:
    """A complete spec; `changes` replace its top-level keys."""
    spec: dict[str, Any] = {
        "ociVersion": "1.2.0",
        "process": {
            "args": ["true"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "user": {"uid": 0, "gid": 0},
            "capabilities": {"bounding": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]},
            "noNewPrivileges": True,
        },
        "root": {"path": "/srv/root"},
        "hostname": "wardian",
        "mounts": [{"destination": "/proc", "type": "proc", "options": ["nosuid", "nodev"]}],
        "linux": {"namespaces": [{"type": name} for name in NAMESPACES]},
        "wardian": {"base": [("/", ["/srv/root"])], "init": True, "seccomp": "abc"},
    }
    spec.update(changes)
    return spec


def plan_of(host: Host | None = None, **changes: Any) -> Plan:
    """The plan of a small spec."""
    return plan.compile(small_spec(**changes), host or Host())  # type: ignore[arg-type]


def names(plan: Plan) -> list[str]:
    """The names of its steps, in order."""
    return [step.name for step in plan.steps]
