"""Guess why a place differs, from what stands there and from which variation changed it.

A guess names its evidence: a date of one of the clocks, a name that one of the worlds had, lines
that are the same in another order. What the variations have shown is no guess; it only chooses
between readings of the evidence, and the advice.
"""

import re
import struct
from typing import TYPE_CHECKING

from wardian.repro.check import Difference
from wardian.repro.compare import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wardian.repro.conditions import Conditions

YEAR_S = 366 * 86400
ADVICE = {
    "time": "take the date from SOURCE_DATE_EPOCH",
    "time_zone": "write times in UTC",
    "locale": "run it with LC_ALL=C.UTF-8, or sort by bytes (LC_ALL=C sort)",
    "file_order": "sort what is listed before it is used",
    "build_path": "make paths relative: -ffile-prefix-map=$PWD=. for compilers",
    "host_name": "leave the host's name out",
    "home": "set HOME, or leave it out",
    "user": "write numeric owners that are fixed: tar --owner=0 --group=0 --numeric-owner",
    "umask": "set the modes that are packed: install -m, tar --mode",
    "environment": "run it with a clean environment",
    "path_order": "name programs by their whole path, or set PATH",
    "exec_path": "leave PATH out of what is written",
    "kernel": "leave the kernel's version out, and test features instead",
    "aslr": "order by content instead of by address; leave addresses out",
    "cpus": "leave the number of processors out; collect in a fixed order",
    "concurrency": "declare what depends on what; collect results in a fixed order",
    "hash_seed": "sort before iterating over a set or dict, or set PYTHONHASHSEED",
    "threads": "fix OMP_NUM_THREADS and OPENBLAS_NUM_THREADS",
    "cpu_features": "fix the features that libraries use: --cpu-profile",
    "uptime": "leave the uptime out",
    "machine_id": "leave /etc/machine-id out",
}
# What programs of Debian leave, and make again: by a part of the path in an image.
LEFT = {
    ": var/log/": "a log: remove it in the same step, or have the clock stand still (--clock)",
    ": var/cache/ldconfig/aux-cache": "it keeps inodes and times: remove it in the same step",
    ": var/cache/apt/": "apt makes it again: rm -rf /var/cache/apt/*.bin in the same step",
    ": var/lib/apt/lists/": "apt gets them again: rm -rf /var/lib/apt/lists/* in the same step",
}
ORDERS = {
    "locale": "sorted by the locale's rules",
    "file_order": "in the order in which the directory lists",
    "hash_seed": "in the order of a set or dict",
    "aslr": "in the order of addresses",
    "concurrency": "in the order in which parallel jobs end (a race)",
    "cpus": "in the order in which parallel jobs end (a race)",
    "threads": "in the order in which threads end (a race)",
}
_TIME_FACTS = ("mtime", "date", "gzip mtime")
_OWNER_FACTS = ("uid", "gid", "owner")
_NUMBER = re.compile(rb"(?<![\d.])\d{9,10}(?![\d.])")
_DATE = re.compile(rb"\b(?:19|20)\d\d[-/. ]?[01]\d[-/. ]?[0-3]\d|\b[0-2]\d:[0-5]\d(?::[0-5]\d)?\b")
_YEAR = re.compile(rb"(?<!\d)(?:19|20)\d\d(?!\d)")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(rb"(?<![0-9a-zA-Z])[0-9a-fA-F]{16,}(?![0-9a-zA-Z])")
_ADDRESS = re.compile(rb"0x[0-9a-f]{8,16}|\b[57][0-9a-f]{11}\b")
_FLOAT = re.compile(rb"-?\d+\.\d+(?:[eE][-+]?\d+)?")
_ZONE = re.compile(rb"[-+]\d\d:?\d\d\b|GMT|UTC")


def reasons(part: Part, difference: Difference) -> list[str]:
    """Return what may be the reason for one place, the likeliest first."""
    causes = [name for names in difference.causes for name in names]
    worlds = difference.control_conditions, difference.varied_conditions
    found = [
        *_facts(part, causes),
        *_order(part, causes),
        *_names(part, worlds),
        *_times(part, worlds),
        *_numbers(part),
        *_random(part, causes),
    ]
    return list(dict.fromkeys(found))


def advice(difference: Difference) -> list[str]:
    """Return what to do about its causes."""
    found = [text for part, text in LEFT.items() if part in difference.path]
    found += [ADVICE[name] for names in difference.causes for name in names if name in ADVICE]
    return found


def _facts(part: Part, causes: "list[str]") -> "Iterable[str]":
    if part.what in _TIME_FACTS:
        yield f"a time stamp: the {part.what} that the archive keeps"
    elif part.what in _OWNER_FACTS:
        yield f"the owner that the archive keeps ({_both(part)})"
    elif part.what == "mode":
        yield f"the mode that the archive keeps ({_both(part)})"
    elif part.what == "present":
        yield "it is made in one of the worlds only"
    elif "source's time" in part.where:
        yield "a time stamp: a .pyc keeps its source's time"
    del causes


def _both(part: Part) -> str:
    one, other = (text.decode("utf-8", "replace") for text in (part.one, part.other))
    return f"{one} and {other}"


def _order(part: Part, causes: "list[str]") -> "Iterable[str]":
    if part.what not in ("text", "order"):
        return
    rows = part.one.split(b"\n"), part.other.split(b"\n")
    words = [re.findall(rb"\w+", data) for data in (part.one, part.other)]
    if not words[0]:
        return
    what = ""
    if part.what == "order":
        what = "members"
    elif sorted(rows[0]) == sorted(rows[1]):
        what = "lines"
    elif words[0] != words[1] and sorted(words[0]) == sorted(words[1]):
        what = "words"
    if what:
        how = [ORDERS[name] for name in causes if name in ORDERS]
        if not causes:
            how = ["in the order in which parallel work ends, or of something random"]
        yield f"the same {what} in another order" + (f": {how[0]}" if how else "")


def _names(part: Part, worlds: "tuple[Conditions, Conditions]") -> "Iterable[str]":
    one, other = worlds
    for text, mine, theirs in (
        ("the build path", one.build_path, other.build_path),
        ("the home directory", one.home, other.home),
        ("the host's name", one.host_name, other.host_name),
        ("the domain's name", one.domain_name, other.domain_name),
        ("the machine's id", one.machine_id, other.machine_id),
        ("the locale's name", one.locale, other.locale),
        ("the time zone's name", one.time_zone, other.time_zone),
        ("PATH", _path(one), _path(other)),
        ("the kernel's version", "", "2.6.78"),
        ("the user's name", "root", "nobody"),
        ("a variable of the environment", "", "WARDIAN_VARIED_ENVIRONMENT"),
        ("a variable of the environment", "", "one variable more"),
    ):
        if mine == theirs:
            continue
        yes = _has(part.other, theirs) and not _has(part.one, theirs)
        if yes and (not mine or _has(part.one, mine)):
            yield f'{text} is in it ("{theirs}")' if len(theirs) < 80 else f"{text} is in it"


def _path(world: "Conditions") -> str:
    return world.environment()["PATH"]


def _has(data: bytes, text: str) -> bool:
    return bool(text) and text.encode() in data


def _times(part: Part, worlds: "tuple[Conditions, Conditions]") -> "Iterable[str]":
    import time

    one, other = worlds
    now_s = int(time.time())
    clocks = {"the clock": (one.clock_s or now_s, other.clock_s or now_s)}
    for text, (mine_s, theirs_s) in clocks.items():
        numbers = [
            _numbers_near(data, at) for data, at in ((part.one, mine_s), (part.other, theirs_s))
        ]
        real = [_numbers_near(data, now_s) for data in (part.one, part.other)]
        if (numbers[0] and numbers[1]) or (real[0] and real[1]):
            yield f"a time stamp: seconds since 1970, as {text} had them"
            return
        if _struct_near(part.one, mine_s) and _struct_near(part.other, theirs_s):
            yield f"a time stamp: four bytes of seconds since 1970, as {text} had them"
            return
    found = [set(_DATE.findall(data)) | set(_YEAR.findall(data)) for data in (part.one, part.other)]
    if found[0] and found[1] and found[0] != found[1]:
        yield "a date or time in it"
    elif one.time_zone != other.time_zone and _ZONE.findall(part.one) != _ZONE.findall(part.other):
        yield "the time zone is in it"


def _numbers_near(data: bytes, when_s: int) -> bool:
    return any(abs(int(number) - when_s) < 86400 for number in _NUMBER.findall(data))


def _struct_near(data: bytes, when_s: int) -> bool:
    if len(data) > 4096:
        return False
    for at in range(len(data) - 3):
        for order in "<>":
            if abs(struct.unpack_from(f"{order}I", data, at)[0] - when_s) < 3600:
                return True
    return False


def _numbers(part: Part) -> "Iterable[str]":
    numbers = [_FLOAT.findall(data) for data in (part.one, part.other)]
    if part.what == "text" and numbers[0] and len(numbers[0]) == len(numbers[1]):
        pairs = [(a, b) for a, b in zip(*numbers, strict=True) if a != b]
        if pairs and all(_nearly(float(a), float(b)) for a, b in pairs):
            yield "results of floating-point arithmetic that differ in their last digits"
    commas = [data.replace(b".", b",") for data in (part.one, part.other)]
    if part.what == "text" and part.one != part.other and commas[0] == commas[1]:
        yield "the locale's decimal point"
    if set("İıŞşĞğ") & set(part.other.decode("utf-8", "replace")) - set(
        part.one.decode("utf-8", "replace")
    ):
        yield "letters by the locale's rules, or messages in its language"


def _nearly(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-4 * max(abs(one), abs(other))


def _random(part: Part, causes: "list[str]") -> "Iterable[str]":
    both = part.one, part.other
    if all(map(_ADDRESS.search, both)) and ("aslr" in causes or not causes):
        yield "addresses of memory"
    if causes:
        return
    if all(map(_UUID.search, both)):
        yield "a random id (UUID)"
    elif all(map(_HEX.search, both)):
        yield "a random id: hexadecimal digits"
    elif part.what == "bytes" and part.count >= 8:
        yield "random bytes, or what follows from another difference (a checksum)"
    elif part.what == "text":
        yield "something random: a number, a process's id, an inode's number"
