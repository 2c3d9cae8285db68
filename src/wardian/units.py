"""Parse and print sizes, times and CPU shares; the only place where units change.

The words are docker's: sizes with b, k, m, g, t (1024-based), durations as Go writes them or in
seconds.
"""

from wardian.errors import UsageError

_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
SIZES = {f"{letter}{end}": by for letter, by in _FACTORS.items() for end in ("", "b", "ib")}
SIZES.update({"": 1, "b": 1})
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
LARGEST = (1 << 63) - 1
LONGEST_S = 100 * 366 * 86400.0
CPU_PERIOD_USEC = 100_000


def parse_size(text: str, what: str = "size") -> int:
    """Return the bytes of "64m", "1.5GiB" or "4096".

    Raises:
        UsageError: it is no size, negative, or larger than the kernel counts.
    """
    words = str(text).strip().lower()
    number = words.rstrip("bkmgtpi")
    factor = SIZES.get(words[len(number) :])
    value = _number(number)
    if factor is None or value is None or value * factor > LARGEST:
        hint = "a number of bytes, or with b, k, m, g: 64m, 1.5g"
        raise UsageError(f'{what} "{text}": not a size', hint=hint)
    return int(value * factor)


def format_size(count: int) -> str:
    """Return a size for people: "512B", "64.0MiB"."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return ""


def parse_duration(text: str, what: str = "duration") -> float:
    """Return the seconds of "2.5", "500ms" or "1m30s".

    Raises:
        UsageError: it is no duration, negative, or longer than a hundred years.
    """
    words = str(text).strip().lower()
    total = _number(words)
    if total is None:
        total = _sum_of_units(words)
    if not 0 <= total <= LONGEST_S:
        hint = "seconds, or with units: 2.5, 500ms, 1m30s"
        raise UsageError(f'{what} "{text}": not a duration', hint=hint)
    return total


def _sum_of_units(words: str) -> float:
    """Return the seconds of "1m30s"; -1 for what is none."""
    total = 0.0 if words else -1.0
    rest = words
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        unit = rest[: len(rest) - len(rest.lstrip("nuµmsh"))]
        rest = rest[len(unit) :]
        value = _number(number)
        if value is None or unit not in SECONDS:
            return -1.0
        total += value * SECONDS[unit]
    return total


def parse_cpus(text: str, what: str = "cpus") -> int:
    """Return the CFS quota in microseconds per 100 ms of "1.5" processors.

    Raises:
        UsageError: it is no positive number, or below the kernel's least quota of 1 ms.
    """
    value = _number(str(text).strip())
    if value is None or value > 1 << 20 or value * CPU_PERIOD_USEC < 1000:
        raise UsageError(
            f'{what} "{text}": not a number of processors', hint="0.01 or more, as 1.5"
        )
    return round(value * CPU_PERIOD_USEC)


def parse_integer(text: object, what: str, least: int, most: int) -> int:
    """Return a whole number within bounds.

    Raises:
        UsageError: it is none.
    """
    words = str(text).strip()
    digits = words.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) < 25:
        number = int(words)
        if least <= number <= most:
            return number
    raise UsageError(f'{what} "{text}": not a whole number from {least} to {most}')


def _number(text: str) -> float | None:
    """Return a plain decimal number that is not negative; None for anything else."""
    if not text.strip(".") or text.strip("0123456789.") or text.count(".") > 1:
        return None
    return float(text) if len(text) < 40 else None


def format_decimal_size(count: int) -> str:
    """Return a size as docker prints images': in steps of 1000, four digits: "7.8MB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.4g}{unit}"
        value /= 1000
    return ""


# Below how many hours, hours in one, its word; as docker's units.HumanDuration.
_AGES = (
    (48, 1, "hour"),
    (24 * 7 * 2, 24, "day"),
    (24 * 30 * 2, 24 * 7, "week"),
    (24 * 365 * 2, 24 * 30, "month"),
)


def format_age(age_s: float) -> str:
    """Return how long ago something was, as docker says it: "2 weeks"."""
    if age_s < 60:
        return "Less than a second" if age_s < 1 else _plural(int(age_s), "second")
    minutes, hours = int(age_s / 60), int(age_s / 3600 + 0.5)
    if minutes < 60:
        return "About a minute" if minutes == 1 else _plural(minutes, "minute")
    if hours == 1:
        return "About an hour"
    for below, length, word in _AGES:
        if hours < below:
            return _plural(hours // length, word)
    return _plural(hours // (24 * 365), "year")


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
