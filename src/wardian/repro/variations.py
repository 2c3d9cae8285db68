"""What is varied, how, and what each variation needs of the machine.

The first fourteen are reprotest's (0.7.23, build.py), whose names are taken too; the others are
what differs inside a container although its image is the same. None needs root, sudo or FUSE:

* another user is an id of the box's user namespace,
* another order of files is a copy on tmpfs, which lists what was made last first,
* another kernel is personality(2) and a file over /proc/version,
* another date is a preloaded library's (clock.c); a time namespace moves only the uptime.

Kernel: personality(2), time_namespaces(7), uts_namespaces(7), sched_setaffinity(2), tmpfs(5).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from wardian.errors import UnsupportedError, UsageError
from wardian.repro.conditions import Conditions

TURKISH = "tr_TR.UTF-8"
NOBODY = 65534
YEAR_AND_A_BIT_S = 373 * 86400 + 7 * 3600 + 13 * 60 + 7  # year, month, day, hour, minute differ
UPTIME_S = 1_234_567
# Hides what came after x86-64-v2 from glibc, OpenBLAS and NumPy (its names before and since 2.4).
OLD_CPU = (
    ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL"),
    ("OPENBLAS_CORETYPE", "Nehalem"),
    ("NPY_DISABLE_CPU_FEATURES", "X86_V3,X86_V4,AVX512_ICL,AVX512_SPR"),
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine offers to vary.

    Attributes:
        cpus: how many processors a box may use.
        locales: compiled locales by name, and the directory to show ("" where the base has it).
        lacking: why a variation has no effect here, by its name.
    """

    cpus: int = 2
    locales: dict[str, str] = field(default_factory=lambda: {TURKISH: ""})
    lacking: dict[str, str] = field(default_factory=dict)


Change = Callable[[Conditions, Surroundings], Conditions]


@dataclass(frozen=True, slots=True)
class Variation:
    """One thing that is varied.

    Attributes:
        name: as typed.
        text: what changes, for people.
        change: makes other conditions of the control's.
        alias: reprotest's name, where it is another.
    """

    name: str
    text: str
    change: Change
    alias: str = ""

    def __str__(self) -> str:
        return self.name


def _environment(now: Conditions, _machine: Surroundings) -> Conditions:
    noise = (("WARDIAN_VARIED_ENVIRONMENT", "one variable more"), ("EDITOR", "ed"))
    return now.but(env=(*now.env, *noise))


def _path_order(now: Conditions, _machine: Surroundings) -> Conditions:
    given = dict(now.env)
    if "PATH" in given:
        given["PATH"] = ":".join(reversed(given["PATH"].split(":")))
    return now.but(path=tuple(reversed(now.path)), env=tuple(given.items()))


def _exec_path(now: Conditions, _machine: Surroundings) -> Conditions:
    more = "/wardian/varied/bin"
    given = dict(now.env)
    if "PATH" in given:
        given["PATH"] += f":{more}"
    return now.but(path=(*now.path, more), env=tuple(given.items()))


def _locale(now: Conditions, machine: Surroundings) -> Conditions:
    name, directory = next(iter(machine.locales.items()))
    return now.but(locale=name, locale_directory=directory)


def _time(now: Conditions, _machine: Surroundings) -> Conditions:
    return now.but(clock_s=(now.clock_s or 0) + YEAR_AND_A_BIT_S)


def _cpus(now: Conditions, machine: Surroundings) -> Conditions:
    return now.but(cpus=max(1, machine.cpus - 1))


def _jobs(now: Conditions, machine: Surroundings) -> Conditions:
    return now.but(jobs=2 * machine.cpus + 1)


VARIATIONS = (
    Variation("environment", "two more variables", _environment),
    Variation(
        "build_path",
        "another directory, of another length",
        lambda now, _: now.but(build_path="/srv/wardian-varied/another/source-tree"),
    ),
    Variation("kernel", "a kernel that calls itself 2.6", lambda now, _: now.but(kernel="2.6")),
    Variation(
        "aslr",
        "random addresses instead of fixed ones",
        lambda now, _: now.but(has_fixed_addresses=False),
    ),
    Variation("cpus", "fewer processors", _cpus, "num_cpus"),
    Variation("time", "373 days, 7 hours, 13 minutes and 7 seconds later", _time),
    Variation(
        "user",
        "user 65534 instead of root",
        lambda now, _: now.but(uid=NOBODY, gid=NOBODY),
        "user_group",
    ),
    Variation(
        "file_order",
        "directories list backwards",
        lambda now, _: now.but(file_order="reversed"),
        "fileordering",
    ),
    Variation(
        "host_name",
        "another host and domain name",
        lambda now, _: now.but(host_name="varied-host", domain_name="varied.example"),
        "domain_host",
    ),
    Variation("home", "another HOME", lambda now, _: now.but(home="/srv/varied-home/of-somebody")),
    Variation("locale", "a Turkish locale", _locale, "locales"),
    Variation("exec_path", "one more directory in PATH", _exec_path),
    Variation(
        "time_zone", "14 hours east of UTC", lambda now, _: now.but(time_zone="GMT-14"), "timezone"
    ),
    Variation("umask", "umask 077", lambda now, _: now.but(umask=0o077)),
    Variation("path_order", "PATH backwards", _path_order),
    Variation("concurrency", "many parallel jobs (MAKEFLAGS and its like)", _jobs),
    Variation(
        "hash_seed", "other hash seeds for Python and Perl", lambda now, _: now.but(hash_seed=4711)
    ),
    Variation(
        "threads",
        "two threads in numeric libraries instead of one",
        lambda now, _: now.but(threads=2),
    ),
    Variation(
        "cpu_features",
        "an older processor, as libraries see it",
        lambda now, _: now.but(cpu_env=OLD_CPU),
    ),
    Variation("uptime", "a machine that is up longer", lambda now, _: now.but(uptime_s=UPTIME_S)),
    Variation("machine_id", "another /etc/machine-id", lambda now, _: now.but(machine_id="5" * 32)),
)
NAMES = {one.name: one for one in VARIATIONS}
NAMES.update({one.alias: one for one in VARIATIONS if one.alias})


def chosen(words: "Iterable[str]", machine: Surroundings) -> list[Variation]:
    """Return what to vary.

    Args:
        words: of --vary: names, or with "-" in front what to leave out; none for all.
        machine: what is lacking here is left out of "all", and refused by name.

    Raises:
        UsageError: no variation has that name.
        UnsupportedError: one that was named has no effect here.
    """
    asked = [part.strip() for word in words for part in word.split(",") if part.strip()]
    wanted = {_named(word).name for word in asked if word[0] not in "-+" and word != "all"}
    refused = {_named(word[1:]).name for word in asked if word[0] == "-"}
    for name in sorted(wanted):
        if name in machine.lacking:
            why = machine.lacking[name]
            raise UnsupportedError(f'vary "{name}": {why}', hint=f"--vary=-{name} goes without")
    everything = not wanted or "all" in asked
    return [
        one
        for one in VARIATIONS
        if (everything or one.name in wanted)
        and one.name not in refused
        and one.name not in machine.lacking
    ]


def _named(word: str) -> Variation:
    found = NAMES.get(word.replace("-", "_"))
    if found is None:
        raise UsageError(f'vary "{word}": there is no such', hint=", ".join(map(str, VARIATIONS)))
    return found


def vary(control: Conditions, some: "Sequence[Variation]", machine: Surroundings) -> Conditions:
    """Return the control's conditions with these variations."""
    now = control
    for one in some:
        now = one.change(now, machine)
    return now.but(varied=tuple(one.name for one in some))
