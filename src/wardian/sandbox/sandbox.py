"""`wardian.Sandbox`: one policy, limits and a root; as many runs as wanted."""

import dataclasses
import os
import threading

from wardian.errors import UsageError
from wardian.sandbox import listening, policy_files, requests, witness
from wardian.sandbox.batch import Batch, BatchLimits
from wardian.sandbox.limits import Limits
from wardian.sandbox.policy import MODES, Policy
from wardian.sandbox.preparation import Prepared
from wardian.sandbox.reporting import Reporter
from wardian.sandbox.run import Run
from wardian.sandbox.supervisor import Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Self

    from wardian.sandbox.box import Box, Request
    from wardian.sandbox.verdict import Verdict, Violation


class Sandbox:
    """Runs untrusted programs, each in a box of its own. Safe to use from many threads at once.

    Args:
        policy: "compute", "strict", a Policy, the path of a policy (TOML, or docker's JSON), or a
            list of system calls to allow.
        limits: Limits, or a mapping of words: {"memory": "64m", "wall": "2s"}.
        image: an image for the root; the host's own programs, read-only, without.
        rootfs: a directory for the root instead.
        mode: what a violation leads to: "kill", "freeze" (left for a person) or "errno" (refused,
            logged, goes on); the policy's own where None.
        evidence: directory in which each violation's evidence bundle is made; None for none.
        log: takes one JSON line for each forbidden call: the path of a file, "syslog", or a
            function that is called with the Violation.
        audit: the kernel writes an audit record for each forbidden call; where None as the policy
            says, and if that is silent, where a log or evidence is kept.
        criu: an evidence bundle holds CRIU's images too, where CRIU works. Below root the box's
            namespaces then belong to its own user namespace: see box_plan for what is weaker.

    Raises:
        UsageError, NotFoundError, SpecError: a bad policy, limit or path.
        UnsupportedError: this machine or user can't have such boxes.
    """

    IS_LAUNCHED = True  # a program begins with an execve of the launcher's

    def __init__(
        self,
        policy: "Policy | str | os.PathLike[str] | Iterable[str]" = "compute",
        *,
        limits: "Limits | Mapping[str, Any] | None" = None,
        image: str | None = None,
        rootfs: "str | os.PathLike[str] | None" = None,
        mode: str | None = None,
        evidence: "str | os.PathLike[str] | None" = None,
        log: "str | os.PathLike[str] | Callable[[Violation], None] | None" = None,
        audit: bool | None = None,
        criu: bool = False,
    ) -> None:
        if not isinstance(policy, (str, os.PathLike, Policy)):
            policy = _names(policy)
        self.policy = policy_files.load(policy)
        self.limits = limits if isinstance(limits, Limits) else Limits.parse(limits)
        self.mode = mode or self.policy.mode
        if self.mode not in MODES:
            raise UsageError(f'mode "{self.mode}": not {", ".join(MODES)}')
        if image is not None and rootfs is not None:
            raise UsageError(f'a root directory and an image ("{image}") exclude each other')
        self._root = (image, None if rootfs is None else os.fspath(rootfs))
        if criu and evidence is None:
            raise UsageError("CRIU's images are a part of the evidence", hint="evidence=DIRECTORY")
        self._reporter = Reporter(log, evidence, with_criu=criu)
        self._reporter.check()
        wanted = self.policy.audit if audit is None else audit
        wanted = self._reporter.wants_witness if wanted is None else wanted
        self.policy = dataclasses.replace(self.policy, audit=wanted)
        self._lock = threading.Lock()
        self._prepared: Prepared | None = None

    def prepare(self) -> Prepared:
        """Work out what all runs share; the first run does it else."""
        if self._prepared is None:
            with self._lock:
                if self._prepared is None:
                    image, rootfs = self._root
                    no_criu = self._reporter.lacks_criu()
                    made = Prepared(
                        self.policy,
                        self.limits,
                        image=image,
                        rootfs=rootfs,
                        for_criu=self.IS_LAUNCHED and no_criu == "",
                    )
                    if no_criu:
                        made.degraded.append(f"criu: no images: {no_criu}")
                    if self._reporter.wants_witness and (why := witness.lacks()):
                        made.degraded.append(f"audit: the kernel's records are not read: {why}")
                    self._prepared = made
        return self._prepared

    @property
    def degraded(self) -> "tuple[str, ...]":
        """What this machine or user can't enforce in full, each one line."""
        return tuple(self.prepare().degraded)

    def run(
        self,
        argv: "Iterable[str] | str",
        *,
        stdin: "bytes | str | os.PathLike[str] | int" = b"",
        files: "Mapping[str, bytes | str | os.PathLike[str]] | None" = None,
        env: "Mapping[str, str] | None" = None,
        outputs: "Iterable[str]" = (),
        bounds: "Mapping[str, float] | None" = None,
    ) -> "Verdict":
        """Run a program and wait for its end.

        Args:
            argv: the program and its arguments.
            stdin: bytes for its standard input, the path of a file, or a descriptor.
            files: what it finds in its working directory: name, and bytes or the path of a file.
            env: its environment, over PATH, HOME and TMPDIR.
            outputs: names of files in its working directory that the verdict shall hold.
            bounds: tighter wall_s, cpu_s or output_bytes than the sandbox's, for this run.

        Raises:
            LaunchError: the box could not be built, or the program is not there.
            UsageError, NotFoundError: an argument is wrong.
        """
        run = self._new(argv, stdin, files, env, outputs)
        try:
            if bounds:
                run.tighten(bounds)
            run.start()
            while not run.ended:
                run.step()
        except BaseException:
            run.abandon()
            raise
        return run.finish()

    async def arun(
        self,
        argv: "Iterable[str] | str",
        *,
        stdin: "bytes | str | os.PathLike[str] | int" = b"",
        files: "Mapping[str, bytes | str | os.PathLike[str]] | None" = None,
        env: "Mapping[str, str] | None" = None,
        outputs: "Iterable[str]" = (),
    ) -> "Verdict":
        """Like `run`, for asyncio: the loop watches one descriptor. A cancelled call kills its box.

        Building the box, and the evidence of a violation, block the loop for milliseconds.
        """
        import asyncio

        run = self._new(argv, stdin, files, env, outputs)
        loop = asyncio.get_running_loop()
        try:
            run.start()
            while not run.ended:
                news = loop.create_future()
                loop.add_reader(run.fileno(), _wake, news)
                timer = loop.call_later(run.patience_s, _wake, news)
                try:
                    await news
                finally:
                    timer.cancel()
                    loop.remove_reader(run.fileno())
                run.step(0.0)
        except BaseException:
            run.abandon()
            raise
        return run.finish()

    def start(
        self,
        argv: "Iterable[str] | str",
        *,
        stdin: "bytes | str | os.PathLike[str] | int" = b"",
        stdout: int | None = None,
        files: "Mapping[str, bytes | str | os.PathLike[str]] | None" = None,
        env: "Mapping[str, str] | None" = None,
        outputs: "Iterable[str]" = (),
    ) -> Run:
        """Start a program for a caller who waits for several: see `Run` for what to do with it.

        Args:
            argv: the program and its arguments.
            stdin: as `run` takes it.
            stdout: a descriptor for its standard output, such as a pipe to another program.
            files: as `run` takes them.
            env: as `run` takes it.
            outputs: as `run` takes them.
        """
        if stdout is None:
            run = self._new(argv, stdin, files, env, outputs)
        else:
            request = self._request(argv, stdin, files, env, outputs)
            request.stdout = stdout
            run = self._cold(request)  # a box that stands ready has its output already
        run.start()
        return run

    def batch(self, **limits: "Any") -> Batch:
        """Return something that runs programs within limits that they share.

        Args:
            limits: of BatchLimits: runs, wall_s, cpu_s, output_bytes.
        """
        return Batch(self, BatchLimits(**limits))

    def _new(
        self,
        argv: "Iterable[str] | str",
        stdin: "bytes | str | os.PathLike[str] | int",
        files: "Mapping[str, Any] | None",
        *more: "Any",
    ) -> Run:
        return self._cold(self._request(argv, stdin, files, *more))

    def _cold(self, request: "Request") -> Run:
        return Run(self.prepare(), request, self._supervise_launched)

    def _request(
        self,
        argv: "Iterable[str] | str",
        stdin: "bytes | str | os.PathLike[str] | int",
        files: "Mapping[str, Any] | None",
        *more: "Any",
    ) -> "Request":
        env, outputs = more
        return requests.checked(argv, stdin=stdin, files=files, env=env, outputs=outputs)

    def _supervise_launched(self, box: "Box", end: "Callable[[], None]") -> Supervisor:
        return self._supervise(box, end, is_launched=True)

    def _supervise(
        self, box: "Box", end: "Callable[[], None]", *, is_launched: bool | None = None
    ) -> Supervisor:
        return Supervisor(
            box,
            self.mode,
            self._reporter,
            end,
            looks=self.policy.probes,
            is_launched=self.IS_LAUNCHED if is_launched is None else is_launched,
            is_recorded=bool(self.policy.audit),
        )

    def close(self) -> None:
        """Let go of the image and the log; returns when the boxes are taken down."""
        listening.settle()
        self._reporter.close()
        if self._prepared is not None:
            self._prepared.close()
            self._prepared = None

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _names(policy: "Any") -> list[str]:
    names = list(policy) if hasattr(policy, "__iter__") else [policy]
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"policy {policy!r}: not a name, a path, a Policy or a list of calls")
    return names


def _wake(news: "Any") -> None:
    if not news.done():
        news.set_result(None)
