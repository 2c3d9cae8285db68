"""Where violations go: the log, one JSON line each, and the evidence bundle.

A line holds nothing of a hostile program that could break it: JSON escapes all that is no ASCII.
One run writes LINES_PER_RUN lines at most, and one more with the count: a program that calls in a
loop must not fill a disk.
"""

import json
import os
import threading

from wardian.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.kernel.seccomp_notify import Notification
    from wardian.sandbox.box import Box
    from wardian.sandbox.verdict import Violation
    from wardian.sandbox.witness import Watch

LINES_PER_RUN = 1000
SYNCED_LINES = 16
SYSLOG = "syslog"


class Reporter:
    """Takes the violations of a sandbox's runs.

    Args:
        log: path of a file, "syslog", or a function that is called with each Violation.
        evidence: directory in which bundles are made, or None.
        with_criu: a bundle holds a CRIU image too.
    """

    def __init__(
        self,
        log: "str | os.PathLike[str] | Callable[[Violation], None] | None",
        evidence: "str | os.PathLike[str] | None",
        *,
        with_criu: bool = False,
    ) -> None:
        self._call = log if callable(log) else None
        self._path = None if log is None or callable(log) else os.fspath(log)
        self._evidence = None if evidence is None else os.fspath(evidence)
        self._with_criu = with_criu
        self._fd = -1
        self._lock = threading.Lock()

    def lacks_criu(self) -> str | None:
        """Return why CRIU's images can't be had, "" where they can, None where nobody wants any."""
        if not self._with_criu:
            return None
        from wardian.sandbox import criu

        return criu.lacks()

    def check(self) -> None:
        """Open the log, so that a bad path is told before anything runs.

        Raises:
            KernelError: it can't be opened, or the evidence directory can't be made.
        """
        if self._path and self._path != SYSLOG and self._fd < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            try:
                self._fd = os.open(self._path, flags, 0o600)
            except OSError as error:
                raise KernelError(f'open("{self._path}")', error.errno or 0) from None
        if self._evidence is not None:
            from wardian.sandbox import evidence

            try:
                os.makedirs(self._evidence, 0o700, exist_ok=True)
            except OSError as error:
                raise KernelError(f'mkdir("{self._evidence}")', error.errno or 0) from None
            evidence.sweep(self._evidence)

    def log(self, box: "Box", record: "Violation", count: int) -> None:
        """Write one violation down, the box's `count`th."""
        if count > LINES_PER_RUN:
            return
        if self._call is not None:
            self._call(record)
        if self._path is not None:
            self._write(line(box, record), sync=count <= SYNCED_LINES)

    def finish(self, box: "Box", count: int) -> None:
        """Write down how many there were in all, where not each has a line."""
        if count > LINES_PER_RUN and self._path is not None:
            self._write({"box": box.name, "violations": count, "not_logged": count - LINES_PER_RUN})
        elif count > SYNCED_LINES and self._fd >= 0:
            os.fsync(self._fd)

    def _write(self, document: "dict[str, Any]", *, sync: bool = True) -> None:
        text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
        if self._path == SYSLOG:
            import syslog

            with self._lock:
                syslog.openlog("wardian", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
                syslog.syslog(syslog.LOG_WARNING, text)
            return
        os.write(self._fd, text.encode() + b"\n")  # O_APPEND: whole lines, whoever else writes
        if sync:
            os.fsync(self._fd)

    @property
    def wants_witness(self) -> bool:
        """Somebody reads what the kernel's audit says."""
        return self._path is not None or self._call is not None or self._evidence is not None

    def log_records(self, box: "Box", watch: "Watch", unseen: int) -> None:
        """Write down which records the kernel has of a box's forbidden calls."""
        found = watch.of_violations()
        if found and self._path is not None:
            told = [one.as_dict() for one in found[:SYNCED_LINES]]
            self._write({"box": box.name, "audit": told, "records": len(found), "unseen": unseen})

    def take_evidence(
        self,
        box: "Box",
        record: "Violation",
        one: "Notification | None",
        watch: "Watch | None" = None,
    ) -> str | None:
        """Make the bundle of a box that stands; returns its directory."""
        if self._evidence is None:
            return None
        from wardian.sandbox import evidence

        bundle = evidence.Bundle(self._evidence, box, with_criu=self._with_criu)
        if watch is not None:
            bundle.records = [each.as_dict() for each in watch.of_violations()]
        return bundle.take(record, one, line(box, record))

    def close(self) -> None:
        """Close the log."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def line(box: "Box", record: "Violation") -> "dict[str, Any]":
    """Return the log's line of a violation, as plain data."""
    return {
        **record.as_dict(),
        "box": box.name,
        "policy": box.policy,
        "argv": box.argv[:16],
        "plan_hash": box.plan.hash,
    }
