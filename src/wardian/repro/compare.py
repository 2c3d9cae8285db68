"""Show where two files differ: which bytes, in which member of which archive.

An archive or a compressed file is looked into, and its members are compared; what an archive says
of a member (time, owner, mode, place) is compared beside. Texts are shown as a diff, the rest as a
dump of the bytes around each difference.
"""

import difflib
from dataclasses import dataclass, field

from wardian.repro import containers

LIMIT = 64 << 20  # bytes of one file that are looked at
DEPTH = 6  # of archives in archives
PARTS = 40
RANGES = 8  # dumps for one file
NEAR = 16  # differences closer than this are one range
CONTEXT = 24  # bytes around a range, where words stand that tell the reason
DIFF_LINES = 40
LINE = 160


@dataclass(slots=True, kw_only=True)
class Part:
    """One place that differs.

    Attributes:
        where: member by member: "app.deb: data.tar: ./usr/bin/app"; "" for the file itself.
        what: "text", "bytes", "present", or what an archive says of a member ("mtime" ...).
        one, other: what stands there in both; of bytes and text, what differs and a bit around it.
        lines: the same for people.
        offset, count: of bytes: the first that differs, and how many do.
    """

    where: str = ""
    what: str
    one: bytes = b""
    other: bytes = b""
    lines: list[str] = field(default_factory=list)
    offset: int = 0
    count: int = 0


def compare(one: bytes, other: bytes, where: str = "", depth: int = 0) -> list[Part]:
    """Return the places in which two files differ, the telling ones first."""
    if one == other:
        return []
    if depth < DEPTH:
        opened = containers.members(one), containers.members(other)
        if opened[0] is not None and opened[1] is not None:
            found = _members(opened[0], opened[1], where, depth)
            if found:
                return found[:PARTS]
    if _is_text(one) and _is_text(other):
        return [_text(one, other, where)]
    return _bytes(one, other, where)


def _members(
    one: "dict[str, containers.Member]",
    other: "dict[str, containers.Member]",
    where: str,
    depth: int,
) -> list[Part]:
    prefix = f"{where}: " if where else ""
    found: list[Part] = []
    for name in [*one, *(name for name in other if name not in one)]:
        mine, theirs = one.get(name), other.get(name)
        place = f"{prefix}{name}" if name else where
        if mine is None or theirs is None:
            words = b"here" if mine else b"not here", b"not here" if mine else b"here"
            found.append(_said(place, "present", *words))
            continue
        found += compare(mine.content, theirs.content, place, depth + 1)
        found += [
            _said(
                place, key, str(mine.facts.get(key)).encode(), str(theirs.facts.get(key)).encode()
            )
            for key in sorted({*mine.facts, *theirs.facts})
            if mine.facts.get(key) != theirs.facts.get(key)
        ]
    order = [name for name in one if name in other], [name for name in other if name in one]
    if order[0] != order[1]:
        joined = ["\n".join(names).encode("utf-8", "surrogateescape") for names in order]
        part = _text(joined[0], joined[1], where)
        part.what = "order"
        found.append(part)
    return found


def _said(where: str, what: str, one: bytes, other: bytes) -> Part:
    lines = [f"-{what} {one.decode()}", f"+{what} {other.decode()}"]
    return Part(where=where, what=what, one=one, other=other, lines=lines)


def _is_text(data: bytes) -> bool:
    if b"\0" in data[:8192]:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text(one: bytes, other: bytes, where: str) -> Part:
    old, new = one.decode("utf-8", "replace"), other.decode("utf-8", "replace")
    rows = old.splitlines(), new.splitlines()
    if max(map(len, rows)) > 20_000:  # difflib is quadratic
        old_rows, new_rows = _middle(*rows)
        diff = [f"-{line}" for line in old_rows] + [f"+{line}" for line in new_rows]
    else:
        diff = list(difflib.unified_diff(*rows, lineterm="", n=1))[2:]
    gone = [line[1:] for line in diff if line[:1] == "-"]
    come = [line[1:] for line in diff if line[:1] == "+"]
    if not diff:
        diff = ["only the ends of the lines differ"]
    shown = [line[:LINE] + "..." * (len(line) > LINE) for line in diff[:DIFF_LINES]]
    if len(diff) > DIFF_LINES:
        shown.append(f"... and {len(diff) - DIFF_LINES} lines more")
    first = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return Part(
        where=where,
        what="text",
        one="\n".join(gone).encode(),
        other="\n".join(come).encode(),
        lines=shown,
        offset=first,
        count=max(len(gone), len(come)),
    )


def _middle(one: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    """Cut off what is equal at both ends."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]


def ranges(one: bytes, other: bytes) -> list[tuple[int, int]]:
    """Return where two byte strings differ, as (start, end); of other lengths, one range."""
    if len(one) != len(other):
        start = _common(one, other)
        end = _common(one[start:][::-1], other[start:][::-1])
        return [(start, max(len(one), len(other)) - end)]
    found: list[tuple[int, int]] = []
    step = 4096
    for base in range(0, len(one), step):
        mine, theirs = one[base : base + step], other[base : base + step]
        if mine == theirs:
            continue
        for at, (a, b) in enumerate(zip(mine, theirs, strict=True), base):
            if a != b:
                if found and at - found[-1][1] <= NEAR:
                    found[-1] = (found[-1][0], at + 1)
                else:
                    found.append((at, at + 1))
    return found


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two strings have in common at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _bytes(one: bytes, other: bytes, where: str) -> list[Part]:
    found: list[Part] = []
    places = ranges(one, other)
    shift = len(other) - len(one)
    for start, end in places[:RANGES]:
        mine, theirs = end - max(shift, 0), end + min(shift, 0)
        low = max(0, start - CONTEXT)
        lines = [f"-{line}" for line in dump(one, start, mine)]
        lines += [f"+{line}" for line in dump(other, start, theirs)]
        section = containers.section_at(one, start)
        found.append(
            Part(
                where=f"{where}: {section}" if where and section else where or section,
                what="bytes",
                one=one[low : mine + CONTEXT],
                other=other[low : theirs + CONTEXT],
                lines=lines,
                offset=start,
                count=max(mine, theirs) - start,
            )
        )
    if len(places) > RANGES:
        found[-1].lines.append(f"... and {len(places) - RANGES} places more")
    return found


def dump(data: bytes, start: int, end: int, rows: int = 4) -> list[str]:
    """Return a hexadecimal dump of the rows in which [start, end) lies."""
    first = start // 16 * 16
    found: list[str] = []
    for at in range(first, max(end, start + 1), 16):
        if len(found) == rows:
            found.append(f"... to {end:#x}")
            break
        row = data[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        found.append(f"{at:08x}  {row.hex(' '):47}  {letters}")
    return found
