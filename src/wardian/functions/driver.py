"""Runs in the box: call the function that was sent, and write what it returned as plain data.

Nothing here protects anybody: the function's code can change all of it, and then wrote its own
result, which it may. It imports the standard library only, and is for Python 3.8 and later.
"""

import os
import pickle
import sys
import traceback
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CALL = ".call"
MODULES = "modules"
MAIN = "main.py"
SHOWN_LETTERS = 4000


def main() -> None:
    """Read the call, do it, write the result."""
    here = os.getcwd()
    sys.path[:0] = [os.path.join(here, CALL), os.path.join(here, CALL, MODULES)]
    import plain_data  # type: ignore[import-not-found]  # lies beside this file

    try:
        answer = plain_data.dumps({"value": _call(os.path.join(here, CALL))})
    except BaseException as error:  # noqa: BLE001 - whatever it was, the caller is told
        answer = plain_data.dumps(_described(error))
    temporary = os.path.join(here, CALL, "result.new")
    with open(temporary, "w", encoding="ascii") as file:
        file.write(answer)
    os.replace(temporary, os.path.join(here, CALL, "result.json"))


def _call(directory: str) -> "Any":
    _stand_in("wardian")
    path = os.path.join(directory, MAIN)
    if os.path.exists(path):
        _load_main(path)
    with open(os.path.join(directory, "call.pickle"), "rb") as file:
        function, args, kwargs = pickle.load(file)  # noqa: S301 - the caller's, who is trusted
    return function(*args, **kwargs)


def _stand_in(name: str) -> None:
    """Let the caller's modules import what started this box, and has no place in it."""
    try:
        __import__(name)
    except ImportError:
        module = types.ModuleType(name)
        module.__getattr__ = lambda word: _absent(name, word)  # type: ignore[method-assign]
        sys.modules[name] = module


def _absent(module: str, word: str) -> "Any":
    if word.startswith("__"):
        raise AttributeError(word)

    def fail(*_args: object, **_kwargs: object) -> None:
        raise ImportError(f"{module}.{word} is not in the box")

    return fail


def _load_main(path: str) -> None:
    """Load the caller's own program under another name, so that it does not run as one."""
    module = types.ModuleType("__mp_main__")
    module.__file__ = path
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
    exec(code, module.__dict__)  # noqa: S102


def _described(error: BaseException) -> "dict[str, str]":
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {
        "error": type(error).__name__,
        "message": str(error)[:SHOWN_LETTERS],
        "traceback": text[-SHOWN_LETTERS:],
    }


if __name__ == "__main__":
    main()
