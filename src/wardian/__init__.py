"""wardian: an engine for operating-system-level virtualization that one can see through.

    import wardian
    result = wardian.run(["python3", "-c", "print(6 * 7)"])
    print(result.stdout, result.exit_code, result.plan_hash)

The public names are loaded on first use (PEP 562), so that importing wardian costs nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.engine.api import arun as arun
    from wardian.engine.api import run as run
    from wardian.engine.container import DEVNULL as DEVNULL
    from wardian.engine.container import PIPE as PIPE
    from wardian.engine.container import Container as Container
    from wardian.engine.image import Image as Image
    from wardian.engine.result import Result as Result
    from wardian.engine.result import Usage as Usage
    from wardian.errors import HostError as HostError
    from wardian.errors import InternalError as InternalError
    from wardian.errors import KernelError as KernelError
    from wardian.errors import LaunchError as LaunchError
    from wardian.errors import NotFoundError as NotFoundError
    from wardian.errors import ProgramError as ProgramError
    from wardian.errors import RemoteError as RemoteError
    from wardian.errors import RequestError as RequestError
    from wardian.errors import SpecError as SpecError
    from wardian.errors import StatusError as StatusError
    from wardian.errors import UnsupportedError as UnsupportedError
    from wardian.errors import UsageError as UsageError
    from wardian.errors import WardianError as WardianError
    from wardian.functions.executor import SandboxExecutor as SandboxExecutor
    from wardian.sandbox.limits import Limits as Limits
    from wardian.sandbox.policy import Policy as Policy
    from wardian.sandbox.pool import SandboxPool as SandboxPool
    from wardian.sandbox.sandbox import Sandbox as Sandbox
    from wardian.sandbox.verdict import Outcome as Outcome
    from wardian.sandbox.verdict import Verdict as Verdict
    from wardian.sandbox.warm import WarmPython as WarmPython

__version__ = "0.1.0"

_LAZY = {
    "run": "wardian.engine.api",
    "arun": "wardian.engine.api",
    "Container": "wardian.engine.container",
    "PIPE": "wardian.engine.container",
    "DEVNULL": "wardian.engine.container",
    "Image": "wardian.engine.image",
    "Result": "wardian.engine.result",
    "Usage": "wardian.engine.result",
    "HostError": "wardian.errors",
    "InternalError": "wardian.errors",
    "KernelError": "wardian.errors",
    "LaunchError": "wardian.errors",
    "NotFoundError": "wardian.errors",
    "ProgramError": "wardian.errors",
    "RemoteError": "wardian.errors",
    "RequestError": "wardian.errors",
    "SpecError": "wardian.errors",
    "StatusError": "wardian.errors",
    "UnsupportedError": "wardian.errors",
    "UsageError": "wardian.errors",
    "WardianError": "wardian.errors",
    "SandboxExecutor": "wardian.functions.executor",
    "Limits": "wardian.sandbox.limits",
    "Policy": "wardian.sandbox.policy",
    "Sandbox": "wardian.sandbox.sandbox",
    "SandboxPool": "wardian.sandbox.pool",
    "Outcome": "wardian.sandbox.verdict",
    "Verdict": "wardian.sandbox.verdict",
    "WarmPython": "wardian.sandbox.warm",
}

__all__ = [  # noqa: PLE0604 - the table above is the list
    "__version__",
    *_LAZY,
]


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'wardian' has no attribute {name!r}")
    value = getattr(__import__(module, fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
