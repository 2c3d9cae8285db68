"""The sandboxes that grading uses, each kept for the next run under the same limits.

A Sandbox works out filter and plan once; programs of one problem and language share it. Compilers
and the problem's own checker run in boxes like a submission's, but of their own.
"""

import collections
import dataclasses
import os
import select
import threading

from wardian.sandbox import policy_files
from wardian.sandbox.policy import Policy
from wardian.sandbox.pool import SandboxPool
from wardian.sandbox.sandbox import Sandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wardian.sandbox.limits import Limits
    from wardian.sandbox.run import Run
    from wardian.sandbox.verdict import Verdict

    _Key = tuple[str, Limits, str | None]

MEBIBYTE = 1 << 20
PAGE_BYTES = 4096
COMPILE_POLICY = "compute"
# Boxes stand ready for what is run again and again, under few limits at one time.
WARM_AFTER = 8
MOST_POOLS = 4


class StoppedError(Exception):
    """Grading was asked to stop, and a box that ran was killed."""


class Boxes:
    """Gives sandboxes by policy, limits and image. Safe to use from many threads.

    Args:
        evidence: directory for the evidence of submissions' violations, or None.
        log: takes a line for each of their forbidden calls, or None.
        policy: of a submission's runs: its name or file.
    """

    def __init__(
        self,
        *,
        policy: str = "compute",
        evidence: "str | os.PathLike[str] | None" = None,
        log: "str | os.PathLike[str] | None" = None,
    ) -> None:
        self._policy = policy_files.load(policy)
        self._compilers = _for_compilers(policy_files.load(COMPILE_POLICY))
        self._watched: dict[str, Any] = {"evidence": evidence, "log": log}
        self._lock = threading.Lock()
        self._found: dict[_Key, Sandbox] = {}
        self._asked: collections.Counter[_Key] = collections.Counter()
        self._pools: dict[_Key, SandboxPool] = {}
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def untrusted(self, limits: "Limits", image: str | None) -> Sandbox:
        """Return the sandbox for a submission's own program."""
        cold = self._get("run", self._policy, limits, image)
        key = ("run", limits, image)
        with self._lock:
            self._asked[key] += 1
            found = self._pools.get(key)
            if found is None and self._asked[key] > WARM_AFTER and len(self._pools) < MOST_POOLS:
                found = self._pools[key] = SandboxPool(
                    self._policy, limits=limits, image=image, **self._watched
                )
            return found or cold

    def compiler(self, limits: "Limits", image: str | None) -> Sandbox:
        """Return the sandbox for the compile step of a submission."""
        return self._get("compile", self._compilers, limits, image)

    def trusted(self, limits: "Limits", image: str | None) -> Sandbox:
        """Return the sandbox for a checker, an interactor, or the question for a version."""
        return self._get("help", self._compilers, limits, image)

    def _get(self, kind: str, policy: Policy, limits: "Limits", image: str | None) -> Sandbox:
        key = (kind, limits, image)
        with self._lock:
            found = self._found.get(key)
            if found is None:
                watched = kind != "help"
                found = self._found[key] = Sandbox(
                    policy, limits=limits, image=image, **(self._watched if watched else {})
                )
            return found

    def run(self, sandbox: Sandbox, argv: "Sequence[str]", **words: "Any") -> "Verdict":
        """Run a program and wait for its end, or for `stop`.

        Args:
            sandbox: one of ours.
            argv: the program and its arguments.
            words: as Sandbox.start takes them.

        Raises:
            StoppedError: `stop` was called.
            WardianError: as Sandbox.run does.
        """
        self.go_on()
        run = sandbox.start(argv, **words)
        try:
            while not run.ended:
                self.wait([run])
        except BaseException:
            run.abandon()
            raise
        return run.finish()

    def wait(self, runs: "Sequence[Run]") -> None:
        """Wait until one of some runs has something to do, and let all do it.

        Raises:
            StoppedError: `stop` was called.
        """
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        for run in runs:
            poll.register(run.fileno(), select.POLLIN)
        poll.poll(min(run.patience_s for run in runs) * 1000 + 1)
        self.go_on()
        for run in runs:
            if not run.ended:
                run.step(0.0)

    def stop(self) -> None:
        """End all that runs, and let nothing more run."""
        os.eventfd_write(self._bell, 1)  # nobody reads it: it stays ready

    def go_on(self) -> None:
        """Do nothing, unless `stop` was called.

        Raises:
            StoppedError: it was.
        """
        if select.select([self._bell], [], [], 0)[0]:
            raise StoppedError

    @property
    def degraded(self) -> tuple[str, ...]:
        """What the sandboxes so far could not enforce on this machine."""
        with self._lock:
            rows = [row for one in self._found.values() for row in one.degraded]
        return tuple(dict.fromkeys(rows))

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            for one in (*self._pools.values(), *self._found.values()):
                one.close()
            self._pools.clear()
            self._found.clear()
            if self._bell >= 0:
                os.close(self._bell)
                self._bell = -1

    def __enter__(self) -> "Boxes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _for_compilers(policy: Policy) -> Policy:
    """Return the policy with a quiet answer to a question that javac asks: is there a network?"""
    return dataclasses.replace(
        policy,
        name="compilers",
        arguments={
            **policy.arguments,
            "socket": dataclasses.replace(policy.arguments["socket"], otherwise="EAFNOSUPPORT"),
        },
    )


def with_room(limits: "Limits", files: "Mapping[str, object]") -> "Limits":
    """Return limits with room for the files that are brought, so that they cost the program none.

    Args:
        limits: as the problem has them.
        files: name, and content or path.
    """
    used = 0
    for content in files.values():
        size = len(content) if isinstance(content, bytes) else os.path.getsize(str(content))
        used += -(-size // PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES
    whole = -(-used // MEBIBYTE) * MEBIBYTE  # few different limits: few different sandboxes
    entries = sum(name.count("/") + 1 for name in files)
    return dataclasses.replace(
        limits,
        disk_bytes=limits.disk_bytes + whole,
        inodes=limits.inodes + -(-entries // 64) * 64,
    )
