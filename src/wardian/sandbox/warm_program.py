"""A program in a warm interpreter: its streams, its run as `__main__`, and its end.

It is handed to the template as text beside warm_guest, and imports nothing of wardian. All is as
the interpreter itself does it for `python3 -c CODE` and `python3 FILE`, but for what can't be had
twice: the template's modules stay as they are.

Kernel: none. CPython: Python/pylifecycle.c, Py_FinalizeEx; Python/pythonrun.c, handle_system_exit.
"""

import _io
import atexit
import builtins
import gc
import json
import os
import random
import signal
import sys
import threading
import types
import weakref
from typing import Any, NoReturn

CANNOT_OPEN = 2
FLUSH_FAILED = 120  # the interpreter's own exit code for it
INTERRUPTED = -1  # no exit code, but the end by SIGINT


def set_environment(variables: dict[str, str]) -> None:
    """Let the program have these variables, and no other."""
    os.environ.clear()
    os.environ.update(variables)


def prepare() -> None:
    """Make streams and random numbers the run's own, and go through what every run does.

    What is written to for the first time since the fork is copied, reference counts too: so that is
    done while nobody waits.
    """
    _own_streams()
    set_environment(dict(os.environ))
    exec(compile(json.loads('"pass"'), "<string>", "exec"), {})  # noqa: S102
    flush_files()
    gc.collect()
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "_ssl" in sys.modules:  # OpenSSL knows a fork by its pid, and the template's is 2 as well
        sys.modules["_ssl"].RAND_add(os.urandom(32), 32.0)


def run(words: list[str]) -> NoReturn:
    """Run the program as the interpreter itself would; does not return."""
    held = [types.ModuleType("__main__")]
    vars(held[0])["__builtins__"] = builtins
    sys.modules["__main__"] = held[0]
    code = _execute(words, held[0])
    try:
        _finalize(held)
    except BaseException:  # noqa: BLE001 - as any exception at exit: told, and of no consequence
        sys.excepthook(*sys.exc_info())
    if not _flush_streams():
        code = FLUSH_FAILED
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


def _finalize(held: list[types.ModuleType]) -> None:
    """Do what a program may rely on at the interpreter's end, but not take the template down.

    Threads end, functions of atexit are called, the program's objects go, its files are flushed.
    A module that nobody else holds goes whole, so that `__del__` finds the names that it uses; of
    one that is held, the names are cleared.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as the interpreter does
    atexit._run_exitfuncs()  # noqa: SLF001
    _flush_streams()
    flush_files()
    sys.modules.pop("__main__", None)
    reference = weakref.ref(held.pop())
    gc.collect()  # the template's objects are frozen
    module = reference()
    if module is not None:
        for name in [*(name for name in vars(module) if name[:1] == "_"), *vars(module)]:
            if name != "__builtins__":
                vars(module)[name] = None
        gc.collect()
    flush_files()


def flush_files() -> None:
    """Flush the files that the program has not closed, text before the buffers below it."""
    # The bases of io's: those are abstract, and to look whether something is one of them is slow.
    kinds = (_io._TextIOBase, _io._BufferedIOBase)  # noqa: SLF001
    found = [one for one in gc.get_objects() if issubclass(type(one), kinds)]
    for one in sorted(found, key=lambda one: issubclass(type(one), kinds[1])):
        try:
            one.flush()
        except Exception:  # noqa: BLE001, S112 - closed, or full, or the program's own kind
            continue


def _flush_streams() -> bool:
    """Flush standard output and error, unless the program closed them; returns whether it could."""
    could = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except Exception:  # noqa: BLE001 - the program may have put anything there
            could = False
    return could


def _own_streams() -> None:
    """Open the standard streams anew: those of the template were made for other files."""
    here: dict[str, Any] = {"encoding": "utf-8", "closefd": False}
    sys.stdin = open(0, errors="surrogateescape", **here)  # noqa: SIM115 - they stay
    sys.stdout = open(1, "w", errors="surrogateescape", **here)  # noqa: SIM115
    sys.stderr = open(2, "w", errors="backslashreplace", buffering=1, **here)  # noqa: SIM115
    for name in ("stdin", "stdout", "stderr"):
        stream = vars(sys)[name]
        stream.buffer.raw.name = f"<{name}>"
        vars(sys)[f"__{name}__"] = stream


def _execute(words: list[str], module: types.ModuleType) -> int:
    """Run `-c CODE ...` or `FILE ...` as a module; returns the exit code."""
    try:
        if words[0] == "-c":
            name, text = "<string>", words[1].encode()
            sys.argv, sys.path[:0] = ["-c", *words[2:]], [""]
        else:
            name = os.path.abspath(words[0])
            sys.argv, sys.path[:0] = list(words), [os.path.dirname(name)]
            module.__file__ = name
            try:
                with open(name, "rb") as file:
                    text = file.read()
            except OSError as error:
                reason = f"[Errno {error.errno}] {error.strerror}"
                sys.stderr.write(f"{sys.executable}: can't open file '{name}': {reason}\n")
                return CANNOT_OPEN
        exec(compile(text, name, "exec"), vars(module))  # noqa: S102 - that is what it is for
    except SystemExit as error:
        return _exit_code(error.code)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the program's
        trace = error.__traceback__.tb_next if error.__traceback__ is not None else None
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(code: object) -> int:
    """Return the exit code that sys.exit means: what is no number is said, and means 1."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -1 << 63 <= code < 1 << 63 else 0xFF
    try:
        sys.stderr.write(f"{code}\n")
    except Exception:  # noqa: BLE001, S110 - its own __str__, or its own stream
        pass
    return 1
