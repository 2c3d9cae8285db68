"""Plain data as JSON text and back: what a function in a box may return.

The text comes from a hostile program. Reading it makes None, numbers, text, bytes, lists, tuples,
dicts and sets, and runs nothing: never pickle, whose reader does what the text says.

What JSON lacks is a dict with one key that names it: {"tuple": [...]}, {"dict": [[key, value]]},
{"set": [...]}, {"bytes": base64}, {"int": hexadecimal}, {"float": "nan"}.

This file also runs in the box, beside a Python of the box's own: it imports the standard library
only, and is for Python 3.8 and later.

Facts about dicts
-----------------
hash() of a str is different in each process; that of an int is not, and n * (2**61 - 1) have one
hash for all n: a dict of them takes quadratic time. So many keys of one hash are refused.
"""

import base64
import json
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

DEPTH_MAX = 100
SAME_HASH_MAX = 16
LARGEST_PLAIN = 1 << 53  # beyond it other readers of JSON lose digits


class PlainDataError(ValueError):
    """Something that is no plain data, or no text of it."""


def dumps(value: object) -> str:
    """Return the text of a value.

    Raises:
        PlainDataError: it is or holds what is no plain data.
    """
    return json.dumps(_packed(value, 0), ensure_ascii=True, allow_nan=False)


def _packed(value: "Any", depth: int) -> "Any":
    if depth > DEPTH_MAX:
        raise PlainDataError(f"nested deeper than {DEPTH_MAX}, or in itself")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        number = int(value)
        return number if abs(number) < LARGEST_PLAIN else {"int": hex(number)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": base64.b64encode(bytes(value)).decode("ascii")}
    return _packed_many(value, depth + 1)


def _packed_many(value: "Any", depth: int) -> "Any":
    if isinstance(value, dict):
        return {"dict": [[_packed(one, depth) for one in pair] for pair in value.items()]}
    if isinstance(value, (list, tuple, set, frozenset)):
        rows = [_packed(one, depth) for one in value]
        if isinstance(value, list):
            return rows
        return {"tuple" if isinstance(value, tuple) else "set": rows}
    if callable(getattr(value, "tolist", None)):  # NumPy's arrays and numbers
        return _packed(value.tolist(), depth)
    raise PlainDataError(f"a {type(value).__name__} is no plain data")


def loads(text: "str | bytes") -> "Any":
    """Return the value of a text that somebody hostile wrote.

    Raises:
        PlainDataError: it is none.
    """
    try:
        return _unpacked(json.loads(text), 0)
    except PlainDataError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise PlainDataError(f"no plain data: {error}") from None


def _unpacked(found: "Any", depth: int) -> "Any":
    if depth > 2 * DEPTH_MAX:
        raise PlainDataError("nested too deeply")
    if isinstance(found, list):
        return [_unpacked(one, depth + 1) for one in found]
    if not isinstance(found, dict):
        return found
    if len(found) != 1:
        raise PlainDataError("no plain data")
    ((kind, content),) = found.items()
    return _of_kind(kind, content, depth + 1)


def _of_kind(kind: str, content: "Any", depth: int) -> "Any":
    if kind in ("bytes", "int", "float"):
        if not isinstance(content, str):
            raise PlainDataError(f"{kind}: no text")
        return _number_or_bytes(kind, content)
    if not isinstance(content, list):
        raise PlainDataError(f"{kind}: no list")
    rows = [_unpacked(one, depth) for one in content]
    if kind == "tuple":
        return tuple(rows)
    if kind == "set":
        _check_hashes(rows)
        return set(rows)
    if kind == "dict" and all(isinstance(row, list) and len(row) == 2 for row in rows):
        _check_hashes(key for key, _value in rows)
        return dict(rows)
    raise PlainDataError(f"{kind}: no plain data")


def _number_or_bytes(kind: str, text: str) -> "bytes | int | float":
    if kind == "bytes":
        return base64.b64decode(text, validate=True)
    if kind == "int":
        return int(text, 16)
    if text not in ("nan", "inf", "-inf"):
        raise PlainDataError("float: a number that JSON has")
    return float(text)


def _check_hashes(keys: "Iterable[object]") -> None:
    counts: dict[int, int] = {}
    for key in keys:
        number = hash(key)
        counts[number] = counts.get(number, 0) + 1
        if counts[number] > SAME_HASH_MAX:
            raise PlainDataError("too many keys of one hash")
