"""`wardian.SandboxExecutor`: a concurrent.futures.Executor whose calls run in boxes.

    with wardian.SandboxExecutor(limits={"cpu": "2s"}) as boxes:
        boxes.submit(solve, "input").result()                   # a function: its value
        boxes.submit_command(["./a.out"], files={...}).result() # a program: its Verdict

Each call has a box of its own. A result is plain data (None, numbers, text, bytes, lists, tuples,
dicts, sets; NumPy's arrays become lists): it is read as data, so nothing that the box sends can run
here. What a function prints is in the future's verdict.
"""

import concurrent.futures
import os
import threading

from wardian.errors import ProgramError, UsageError
from wardian.functions import call, plain_data
from wardian.functions.call import DRIVER, RESULT
from wardian.sandbox.sandbox import Sandbox
from wardian.sandbox.warm import WarmPython

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    from wardian.sandbox.verdict import Verdict

    T = TypeVar("T")

RESULT_BYTES = 4 << 20  # read, it may take a hundred times as much
SHOWN_LETTERS = 500


class SandboxExecutor(concurrent.futures.Executor):
    """Runs functions and commands in sandboxes, several at a time.

    Args:
        max_workers: how many; the processors that this process may use where None.
        sandbox: to run them in: a Sandbox, SandboxPool or WarmPython; else a Sandbox of `words` is
            made, and closed at the end.
        python: the interpreter in the box.
        modules: names of modules whose source every call needs, and that can't be seen from the
            function and its arguments, such as those it imports.
        result_bytes: that the text of a result may have.
        words: as wardian.Sandbox takes them: policy, limits, image ...

    Raises:
        UsageError, NotFoundError, SpecError, UnsupportedError: as wardian.Sandbox does.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        sandbox: Sandbox | None = None,
        python: str = "python3",
        modules: "Iterable[str]" = (),
        result_bytes: int = RESULT_BYTES,
        **words: "Any",
    ) -> None:
        if sandbox is not None and words:
            raise UsageError(f'"{next(iter(words))}" is the sandbox\'s, which is there already')
        if max_workers is not None and max_workers < 1:
            raise UsageError(f"max_workers {max_workers}: not at least 1")
        self._is_mine = sandbox is None
        self.sandbox = Sandbox(**words) if sandbox is None else sandbox
        self._python, self._modules, self._result_bytes = python, tuple(modules), result_bytes
        count = max_workers or len(os.sched_getaffinity(0))
        self._workers = concurrent.futures.ThreadPoolExecutor(count, "sandbox")
        self._lock = threading.Lock()
        self._pending = 0
        self._is_closing = False

    def submit(
        self, fn: "Callable[..., T]", /, *args: "Any", **kwargs: "Any"
    ) -> "concurrent.futures.Future[T]":
        """Call a function in a box.

        Args:
            fn: a function of a module, and no lambda.
            args: pickled for it.
            kwargs: pickled for it.

        Returns:
            The future. Its result is the value; its exception ProgramError where the function
            raised, or was ended. It has the `verdict` once it is done.

        Raises:
            UsageError: the call can't be pickled.
        """
        files = call.files_for(fn, args, kwargs, self._modules)
        return self._schedule(lambda future: self._call(future, files))

    def submit_command(
        self, argv: "Iterable[str] | str", **words: "Any"
    ) -> "concurrent.futures.Future[Verdict]":
        """Run a program in a box; the future's result is its Verdict.

        Args:
            argv: the program and its arguments.
            words: as Sandbox.run takes them: stdin, files, env, outputs.
        """
        command = [argv] if isinstance(argv, str) else list(argv)

        def run(future: "Any") -> "Verdict":
            future.verdict = self.sandbox.run(command, **words)
            found: Verdict = future.verdict
            return found

        return self._schedule(run)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls.

        Args:
            wait: until all are done.
            cancel_futures: that have not begun.
        """
        with self._lock:
            self._is_closing = True
        self._workers.shutdown(wait, cancel_futures=cancel_futures)
        self._close_if_idle()

    def _schedule(self, work: "Callable[[Any], T]") -> "concurrent.futures.Future[T]":
        # The work writes its verdict to its future, which is there only after it was handed over.
        mine: list[Any] = []
        ready = threading.Event()

        def begin() -> "T":
            ready.wait()
            return work(mine[0])

        future = self._workers.submit(begin)
        future.verdict = None  # type: ignore[attr-defined]
        mine.append(future)
        with self._lock:
            self._pending += 1
        future.add_done_callback(self._end)
        ready.set()
        return future

    def _end(self, _future: object) -> None:
        with self._lock:
            self._pending -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        """Let go of the sandbox once nothing can run in it any more."""
        with self._lock:
            is_last = self._is_closing and not self._pending and self._is_mine
            if is_last:
                self._is_mine = False
        if is_last:
            self.sandbox.close()

    def _call(self, future: "Any", files: "Mapping[str, bytes | str]") -> "Any":
        is_warm = isinstance(self.sandbox, WarmPython)
        command = [DRIVER] if is_warm else [self._python, "-I", DRIVER]
        verdict = self.sandbox.run(command, files=files, outputs=(RESULT,))
        future.verdict = verdict
        return read_result(verdict, self._result_bytes)


def read_result(verdict: "Verdict", most_bytes: int) -> "Any":
    """Return what a function in a box returned.

    Args:
        verdict: of its run.
        most_bytes: that the text of the result may have.

    Raises:
        ProgramError: it raised, was ended, or wrote something that is no result.
    """
    text = verdict.outputs.get(RESULT)
    if not verdict.ok or text is None:
        words = str(verdict.outcome)
        if verdict.reason or verdict.stderr:
            last = verdict.stderr.decode("utf-8", "backslashreplace").strip().splitlines()[-1:]
            words += f": {verdict.reason or ''.join(last)[:SHOWN_LETTERS]}"
        raise ProgramError(f"the function did not return: {words}", verdict=verdict)
    if len(text) > most_bytes:
        raise ProgramError(f"the result is larger than {most_bytes} bytes", verdict=verdict)
    try:
        found = plain_data.loads(text)
    except plain_data.PlainDataError as error:
        raise ProgramError(f"the result can't be read: {error}", verdict=verdict) from None
    if not isinstance(found, dict) or not ("value" in found or "error" in found):
        raise ProgramError("the result can't be read: no value and no error", verdict=verdict)
    if "value" in found:
        return found["value"]
    kind, message, trace = (str(found.get(key, "")) for key in ("error", "message", "traceback"))
    raise ProgramError(
        f"{kind}: {message}"[:SHOWN_LETTERS], verdict=verdict, kind=kind, traceback=trace
    )
