"""Parse limits: docker's --memory, --cpus, --pids-limit, --ulimit ... into OCI `linux.resources`.

0 is docker's word for "not asked for", -1 for "unlimited" and for the kernel's own swappiness.

Docker: docker run reference, "Runtime constraints on resources".
"""

import os
from stat import S_ISBLK

from wardian import units
from wardian.errors import NotFoundError, SpecError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

QUOTA_MAX_USEC = (1 << 44) - 1
MEMORY_MIN = 6 << 20  # docker's: below it not even exec succeeds
ULIMITS = tuple(
    """
    as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending
    stack
    """.split()  # noqa: SIM905 - a table to read
)
THROTTLES = {
    "device_read_bps": "throttleReadBpsDevice",
    "device_write_bps": "throttleWriteBpsDevice",
    "device_read_iops": "throttleReadIOPSDevice",
    "device_write_iops": "throttleWriteIOPSDevice",
}
KEYWORDS = (
    "memory",
    "memory_swap",
    "memory_reservation",
    "memory_swappiness",
    "oom_kill_disable",
    "cpus",
    "cpu_shares",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpuset_cpus",
    "cpuset_mems",
    "pids_limit",
    "blkio_weight",
    "blkio_weight_device",
    "cgroup_conf",
    "device",
    "device_cgroup_rule",
    *THROTTLES,
)


def resources(words: "Mapping[str, Any]") -> "dict[str, Any]":
    """Return the OCI `linux.resources`; empty when no limit was asked for."""
    made = {
        "memory": _memory(words),
        "cpu": _cpu(words),
        "pids": _pids(words),
        "blockIO": _block_io(words),
        "unified": dict(map(_unified, _pairs(words, "cgroup_conf"))),
        "devices": _devices(words),
    }
    return {name: part for name, part in made.items() if part}


def _memory(words: "Mapping[str, Any]") -> "dict[str, int]":
    found: dict[str, int] = {}
    for keyword, name in (("memory", "limit"), ("memory_reservation", "reservation")):
        if words.get(keyword) is not None:
            size = units.parse_size(words[keyword], keyword.replace("_", "-"))
            found.update({name: size} if size else {})  # docker: 0 asks for nothing
    limit = found.get("limit")
    if limit is not None and limit < MEMORY_MIN:
        raise UsageError(
            f'memory "{words["memory"]}": below 6m no program starts', hint="give 6m or more"
        )
    if limit is not None and found.get("reservation", 0) > limit:
        text = f'memory-reservation "{words["memory_reservation"]}" is above --memory'
        raise UsageError(text, hint="it is what the box keeps of its memory when that is short")
    found.update(_swap(words, limit))
    if words.get("memory_swappiness") is not None:
        value = _integer(words, "memory_swappiness", -1, 100)
        found.update({"swappiness": value} if value != -1 else {})
    if words.get("oom_kill_disable"):
        if limit is None:
            raise UsageError("--oom-kill-disable needs --memory", hint="else the host runs out")
        found["disableOOMKiller"] = True
    return found


def _swap(words: "Mapping[str, Any]", limit: "int | None") -> "dict[str, int]":
    text = words.get("memory_swap")
    if text is None:
        return {}
    total = -1 if str(text) == "-1" else units.parse_size(text, "memory-swap")
    if total == 0:
        return {}
    if limit is None:
        raise UsageError("--memory-swap needs --memory")
    if -1 != total < limit:
        raise UsageError(
            f'memory-swap "{text}" is below --memory', hint="it counts memory and swap together"
        )
    return {"swap": total}


def bound_swap(resources: "dict[str, Any]") -> bool:
    """Give a box with a memory limit as much swap again, as docker does, unless it is said."""
    memory = resources.get("memory", {})
    if "limit" not in memory or "swap" in memory:
        return False
    memory["swap"] = 2 * memory["limit"]
    return True


def _cpu(words: "Mapping[str, Any]") -> "dict[str, Any]":
    found: dict[str, Any] = {}
    for keyword, name, least, most in (
        ("cpu_shares", "shares", 1, 262144),
        ("cpu_period", "period", 1000, 1_000_000),
        ("cpu_quota", "quota", 1000, QUOTA_MAX_USEC),
    ):
        value = None if _is_unlimited(words, keyword) else _integer(words, keyword, least, most)
        found.update({name: value} if value is not None else {})
    if "shares" in found:
        found["shares"] = max(found["shares"], 2)  # the kernel's least
    if not _is_zero(words.get("cpus")):
        if "quota" in found or "period" in found:
            raise UsageError("--cpus excludes --cpu-quota and --cpu-period")
        found["quota"] = units.parse_cpus(words["cpus"])
        found["period"] = units.CPU_PERIOD_USEC
        _check_processors(found["quota"] / units.CPU_PERIOD_USEC, words["cpus"])
    for keyword, name, least in (
        ("cpu_rt_period", "realtimePeriod", 1000),
        ("cpu_rt_runtime", "realtimeRuntime", 0),
    ):
        if not _is_zero(words.get(keyword)):
            found[name] = _integer(words, keyword, least, (1 << 32) - 1)
    for keyword, name in (("cpuset_cpus", "cpus"), ("cpuset_mems", "mems")):
        if words.get(keyword) is not None:
            found[name] = _numbers(keyword.replace("_", "-"), str(words[keyword]))
    return found


def _is_zero(word: object) -> bool:
    """Tell whether nothing was asked for: no word, or docker's 0."""
    text = "0" if word is None else str(word).strip()
    return text.startswith("0") and not text.strip("0.") and text.count(".") < 2


def _is_unlimited(words: "Mapping[str, Any]", keyword: str) -> bool:
    word = words.get(keyword)
    return _is_zero(word) or (keyword == "cpu_quota" and str(word) == "-1")


def _numbers(option: str, text: str) -> str:
    from wardian.kernel import cgroups

    try:
        cgroups.parse_cpulist(text)
    except ValueError as error:
        raise UsageError(f'{option} "{text}": {error}', hint="a list such as 0-3,8") from None
    return text


def _check_processors(wanted: float, text: object) -> None:
    have = os.cpu_count() or 1
    if wanted > have:
        raise UsageError(f'cpus "{text}": this machine has {have}', hint=f"from 0.01 to {have}.00")


def _pids(words: "Mapping[str, Any]") -> "dict[str, int]":
    if words.get("pids_limit") is None:
        return {}
    limit = _integer(words, "pids_limit", -1, 1 << 22)
    return {"limit": limit} if limit > 0 else {}


def _block_io(words: "Mapping[str, Any]") -> "dict[str, Any]":
    found: dict[str, Any] = {}
    if not _is_zero(words.get("blkio_weight")):
        found["weight"] = _integer(words, "blkio_weight", 10, 1000)
    for text in _each(words, "blkio_weight_device"):
        path, _colon, weight = text.rpartition(":")
        row = _disk("blkio-weight-device", text, path)
        row["weight"] = units.parse_integer(weight, f'blkio-weight-device "{text}":', 10, 1000)
        found.setdefault("weightDevice", []).append(row)
    for keyword, name in THROTTLES.items():
        for text in _each(words, keyword):
            found.setdefault(name, []).append(_throttle(keyword.replace("_", "-"), text))
    return found


def _throttle(option: str, text: str) -> "dict[str, int]":
    path, _colon, rate = text.rpartition(":")
    value = units.parse_size(rate, option)
    return {**_disk(option, text, path), "rate": value}


def _disk(option: str, text: str, path: str) -> "dict[str, int]":
    try:
        found = os.stat(path)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise NotFoundError(f'{option} "{text}": "{path}": {why}', hint="PATH:NUMBER") from None
    if not S_ISBLK(found.st_mode):
        raise UsageError(f'{option} "{text}": "{path}" is not a block device')
    return {"major": os.major(found.st_rdev), "minor": os.minor(found.st_rdev)}


def _unified(text: str) -> "tuple[str, str]":
    """Parse podman's --cgroup-conf FILE=VALUE."""
    file, _equals, value = text.partition("=")
    if not file or not value:
        raise UsageError(f'cgroup-conf "{text}": not FILE=VALUE', hint="as memory.high=256m")
    if value[-1:] in "kmgtKMGT" and value[:-1].isdigit():
        value = str(units.parse_size(value, "cgroup-conf"))
    return file, value


def _devices(words: "Mapping[str, Any]") -> "list[dict[str, Any]]":
    """Return the rules that --device and --device-cgroup-rule ask for, behind those of every box.

    Without a control group of its own (an ordinary user) a box has no rules for devices; the user
    namespace keeps it from making nodes.
    """
    from wardian.engine import device_words

    asked = [device_words.rule(text) for text in _each(words, "device_cgroup_rule")]
    if os.geteuid() == 0:
        asked[:0] = [device.rule() for device in device_words.devices(_each(words, "device"))]
    return [*device_words.BASIC_RULES, *asked] if asked else []


def _each(words: "Mapping[str, Any]", keyword: str) -> "list[str]":
    """Return the values of an option that may be given many times."""
    given = words.get(keyword) or []
    return [given] if isinstance(given, str) else [str(one) for one in given]


def _pairs(words: "Mapping[str, Any]", keyword: str) -> "list[str]":
    """Return FILE=VALUE words; Python callers may give a mapping."""
    given = words.get(keyword)
    if isinstance(given, dict):
        return [f"{key}={value}" for key, value in given.items()]
    return _each(words, keyword)


def _integer(words: "Mapping[str, Any]", keyword: str, least: int, most: int) -> int:
    return units.parse_integer(words[keyword], keyword.replace("_", "-"), least, most)


def ulimit(text: str) -> "tuple[str, int, int]":
    """Parse docker's --ulimit NAME=SOFT[:HARD]; -1 and "unlimited" are no limit."""
    name, _equals, values = text.partition("=")
    soft_text, _colon, hard_text = values.partition(":")
    if name not in ULIMITS or not soft_text:
        raise UsageError(
            f'ulimit "{text}": not NAME=SOFT[:HARD]', hint=f"names: {', '.join(ULIMITS)}"
        )
    soft, hard = (_limit(word, text) for word in (soft_text, hard_text or soft_text))
    if hard != -1 and (soft == -1 or soft > hard):
        raise UsageError(f'ulimit "{text}": the soft limit is above the hard one')
    return f"RLIMIT_{name.upper()}", soft, hard


def _limit(word: str, text: str) -> int:
    if word == "unlimited":
        return -1
    return units.parse_integer(word, f'ulimit "{text}":', -1, (1 << 63) - 1)


def cgroup_parent(parent: str, maker: str) -> str:
    """Return --cgroup-parent as the maker of groups takes it.

    Raises:
        UsageError: it takes another form.
    """
    try:
        if maker == "systemd":
            from wardian.kernel import systemd

            return systemd.check_slice(parent, "cgroup-parent")
        from wardian.kernel import cgroups

        return cgroups.of_container(parent, "")
    except SpecError as error:
        text = str(error).partition(": ")[2]
        raise UsageError(f'cgroup-parent "{parent}": {text}', hint=error.hint) from None
