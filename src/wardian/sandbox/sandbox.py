# ruff: noqa: ARG002
"""`wardian.Sandbox`: one policy, limits and a root; as many runs as wanted."""

from wardian.errors import UnsupportedError
from wardian.sandbox.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from wardian.sandbox.policy import Policy
    from wardian.sandbox.verdict import Verdict


class Sandbox:
    """Runs untrusted programs, each in a box of its own. Safe to use from many threads at once.

    Args:
        policy: "compute", "strict", a Policy, or the path of a policy (TOML, or docker's JSON).
        limits: Limits, or a mapping of words: {"memory": "64m", "wall": "2s"}.
        image: an image for the root; the host's own programs, read-only, without.
        rootfs: a directory for the root instead.
        mode: what a violation leads to: "kill", "freeze" (left for a person) or "errno" (refused,
            logged, goes on); the policy's own where None.
        evidence: directory in which each violation's evidence bundle is made; None for none.
        log: takes one JSON line for each forbidden call: the path of a file, "syslog", or a
            function that is called with the Violation.
    """

    def __init__(
        self,
        policy: "Policy | str | os.PathLike[str]" = "compute",
        *,
        limits: "Limits | Mapping[str, Any] | None" = None,
        image: str | None = None,
        rootfs: str | None = None,
        mode: str | None = None,
        evidence: "str | os.PathLike[str] | None" = None,
        log: "str | os.PathLike[str] | Callable[[Any], None] | None" = None,
    ) -> None:
        self.limits = limits if isinstance(limits, Limits) else Limits.parse(limits)

    def run(
        self,
        argv: "Iterable[str] | str",
        *,
        stdin: "bytes | str | os.PathLike[str] | int" = b"",
        files: "Mapping[str, bytes | str | os.PathLike[str]] | None" = None,
        env: "Mapping[str, str] | None" = None,
        outputs: "Iterable[str]" = (),
    ) -> "Verdict":
        """Run a program and wait for its end.

        Args:
            argv: the program and its arguments.
            stdin: bytes for its standard input, the path of a file, or a descriptor.
            files: what it finds in its working directory: name, and bytes or the path of a file.
            env: its environment, over PATH, HOME and TMPDIR.
            outputs: names of files in its working directory that the verdict shall hold.
        """
        raise UnsupportedError("the sandbox is not there yet", feature="sandbox")

    async def arun(self, argv: "Iterable[str] | str", **words: "Any") -> "Verdict":
        """Like `run`, for asyncio: a cancelled call kills its box."""
        raise UnsupportedError("the sandbox is not there yet", feature="sandbox")
