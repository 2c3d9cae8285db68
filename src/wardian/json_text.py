"""Read and write JSON without the json package, which imports re: 8 ms that a lean command has not.

Facts about CPython's accelerator
---------------------------------
`_json.make_scanner(context)` reads by the attributes of any object. It raises what only the json
package can word (in 3.11, nothing at all, so that the caller gets SystemError, as long as
json.decoder is not loaded), so a document that it refuses is read again by json. It takes NaN and
Infinity, which are not JSON (RFC 8259, section 6), by calling `parse_constant`. Nesting is bounded
by the interpreter's recursion limit. `_json.make_encoder` takes nine arguments by place from 3.6
to 3.14; what is written is ASCII, so that no locale can spoil it. Where either is missing or
different, the json package does the work.

Source: RFC 8259; CPython, Modules/_json.c.
"""

import os

from wardian.errors import KernelError, NotFoundError, SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

_BLANKS = " \t\n\r"


class _Context:
    """What the scanner asks of its context; `array_hook` since Python 3.15."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(word: str) -> object:
        raise ValueError(f"{word} is no JSON")


def loads(text: "str | bytes") -> "Any":
    """Return the value of a JSON document; of a key that stands twice, the last one counts.

    Raises:
        SpecError: it is no JSON; the message has line and column.
    """
    if isinstance(text, bytes):
        text = _decode(text)
    start = 0
    end = len(text)
    while start < end and text[start] in _BLANKS:
        start += 1
    try:
        scan = _scanner()
        value, place = scan(text, start)
    except RecursionError:
        raise SpecError("no JSON that can be read: it is nested too deeply") from None
    except Exception:  # noqa: BLE001 - whatever it was, json says it better
        return _loads_slowly(text)
    while place < end and text[place] in _BLANKS:
        place += 1
    return value if place == end else _loads_slowly(text)


def dumps(value: object, *, indent: int = 0) -> str:
    """Return the JSON text of a value, in ASCII; keys are strings, as in JSON.

    Args:
        value: made of dict, list, tuple, str, int, float, bool and None.
        indent: spaces for each level, each member on a line of its own; 0 for no blanks at all.
    """
    if not indent:
        return "".join(_encoder()(value, 0))
    return "".join(_lines(value, "\n", " " * indent, _encoder()))


def read(path: str, most: int) -> "Any":
    """Return the value of a JSON file that somebody else wrote: bounded, and nothing that blocks.

    Args:
        path: the file; no device, pipe or directory.
        most: bytes that it may have.

    Raises:
        NotFoundError: there is no such file.
        KernelError: it can't be read.
        SpecError: it is too large or no JSON.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError as error:
        raise NotFoundError(f'open("{path}"): {_reason(error)}') from None
    except OSError as error:
        raise KernelError(f'open("{path}")', error.errno or 0) from None
    except ValueError:
        raise SpecError(f"a path can't have a NUL: {path!r}") from None
    try:
        content = _content(descriptor, most)
    except OSError as error:
        raise KernelError(f'read("{path}")', error.errno or 0) from None
    finally:
        os.close(descriptor)
    try:
        if len(content) > most:
            raise SpecError(f"larger than {most} bytes")
        return loads(content)
    except SpecError as error:
        raise SpecError(f'"{path}": {error}', hint=error.hint) from None


def _content(descriptor: int, most: int) -> bytes:
    size = min(os.fstat(descriptor).st_size, most)
    content = os.read(descriptor, size + 1)
    while len(content) <= most:  # short reads, and files such as /proc's that have no size
        more = os.read(descriptor, most + 1 - len(content))
        if not more:
            break
        content += more
    return content


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"no JSON: byte {error.start + 1} is not UTF-8") from None


def _scanner() -> "Callable[[str, int], tuple[Any, int]]":
    from _json import make_scanner

    return make_scanner(_Context)  # type: ignore[arg-type]  # asks for attributes alone


def _loads_slowly(text: str) -> "Any":
    """Read with the json package, for its words on what is wrong."""
    import json

    try:
        return json.loads(text, parse_constant=_Context.parse_constant)
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        place = f"line {error.lineno}, column {error.colno}"
        raise SpecError(f"no JSON: {what}: {place}") from None
    except RecursionError:
        raise SpecError("no JSON that can be read: it is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits; NaN
        raise SpecError(f"no JSON that can be read: {str(error).partition(';')[0]}") from None


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} has no JSON")


def _encoder() -> "Callable[[object, int], Iterable[str]]":
    try:
        from _json import encode_basestring_ascii, make_encoder

        return make_encoder(
            {}, _refuse, encode_basestring_ascii, None, ":", ",", False, False, False
        )
    except (ImportError, TypeError):
        import json

        encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
        return lambda value, _: (encoder.encode(value),)


def _lines(
    value: object, start: str, step: str, encode: "Callable[[object, int], Iterable[str]]"
) -> "Iterator[str]":
    """Write a value with one member a line, which the accelerator can't before Python 3.15."""
    inner = start + step
    if isinstance(value, dict) and value:
        comma = "{"
        for key, member in value.items():
            yield f"{comma}{inner}"
            yield from encode(key, 0)
            yield ": "
            yield from _lines(member, inner, step, encode)
            comma = ","
        yield start + "}"
    elif isinstance(value, (list, tuple)) and value:
        comma = "["
        for member in value:
            yield f"{comma}{inner}"
            yield from _lines(member, inner, step, encode)
            comma = ","
        yield start + "]"
    else:
        yield from encode(value, 0)
