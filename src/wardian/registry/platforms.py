"""Choose the manifest for this machine.

Facts about platforms
---------------------
A platform is os/architecture, and a variant where processors differ: arm/v7, arm64/v9, amd64/v3. A
missing variant means the first one: arm means v7, arm64 means v8, amd64 means v1. A newer variant
runs what was made for an older one; most processors of an architecture run its 32-bit sibling too,
if the kernel was built with that, so it is tried.

If several entries of an index match, the first one counts. Build tools add entries for
"unknown/unknown" that hold attestations; no machine matches them.

/proc/cpuinfo of a 64-bit ARM says "CPU architecture: 8" for ARMv8 and for ARMv9.

Source: image-spec, image-index.md; github.com/containerd/platforms: normalisation in database.go,
order in compare.go; x86-64 psABI for the levels of amd64.
"""

import os

from wardian.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wardian.registry.documents import Descriptor, PlatformDocument

_ARCHITECTURES = {
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm/v6",
    "armv5l": "arm/v5",
    "armv6l": "arm/v6",
    "armv7l": "arm/v7",
    "armv8l": "arm/v7",
    "ppc64el": "ppc64le",
    "mips64el": "mips64le",
    "mipsel": "mipsle",
    "loongarch64": "loong64",
}
_FIRST_VARIANTS = {"arm": "v7", "arm64": "v8", "amd64": "v1"}
_SYSTEMS = {"macos": "darwin"}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

# What each level of amd64 adds, in the words of /proc/cpuinfo; x86-64 psABI, table 3.1.
_LEVELS = (
    ("v2", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"),
    ("v3", "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
    ("v4", "avx512f avx512bw avx512cd avx512dq avx512vl"),
)
_SIBLINGS = {"amd64": ("386", ""), "arm64": ("arm", "v8")}


class Platform:
    """An operating system, an architecture and its variant; in normal form.

    Attributes:
        os: "linux".
        architecture: Go's word: "amd64".
        variant: "" where it is the first one of amd64 or arm64.
    """

    __slots__ = ("architecture", "os", "variant")

    def __init__(self, system: str, architecture: str, variant: str = "") -> None:
        self.os = _SYSTEMS.get(system.lower(), system.lower())
        known = _ARCHITECTURES.get(architecture.lower(), architecture.lower())
        self.architecture, _slash, implied = known.partition("/")
        variant = variant.lower() or implied
        if variant.isdecimal():
            variant = f"v{variant}"
        if self.architecture == "arm":
            variant = variant or "v7"
        elif variant == _FIRST_VARIANTS.get(self.architecture):
            variant = ""
        self.variant = variant

    def __str__(self) -> str:
        tail = f"/{self.variant}" if self.variant else ""
        return f"{self.os}/{self.architecture}{tail}"

    def __repr__(self) -> str:
        return f"Platform({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def document(self) -> "PlatformDocument":
        """Return it in an index's words."""
        found: PlatformDocument = {"architecture": self.architecture, "os": self.os}
        if self.variant:
            found["variant"] = self.variant
        return found


def parse(text: str) -> Platform:
    """Return the platform that `--platform` asks for: "linux/arm/v7", "arm64", "linux".

    Raises:
        UsageError: it is none.
    """
    words = text.lower().split("/")
    if len(words) > 3 or not all(word[:1].isalnum() and _WORD.issuperset(word) for word in words):
        raise UsageError(
            f'platform "{text}": not a platform', hint="as in linux/arm64 or linux/arm/v7"
        )
    if len(words) == 1:
        if words[0] in ("linux", "windows", "darwin", "macos", "freebsd"):
            own = host()
            return Platform(words[0], own.architecture, own.variant)
        return Platform("linux", words[0])
    return Platform(*words)


def of_document(found: "PlatformDocument") -> Platform:
    """Return the platform of an index's entry or of a config."""
    return Platform(
        found.get("os") or "", found.get("architecture") or "", found.get("variant") or ""
    )


def host(machine: str = "", cpuinfo: str = "") -> Platform:
    """Return this machine's platform.

    Args:
        machine: of uname(2), where it isn't this machine's.
        cpuinfo: the text of /proc/cpuinfo, likewise.
    """
    plain = Platform("linux", machine or os.uname().machine)
    if plain.architecture not in ("amd64", "arm"):
        return plain
    text = cpuinfo or _cpuinfo()
    if plain.architecture == "arm":
        return Platform("linux", "arm", _arm_variant(text) or plain.variant)
    return Platform("linux", "amd64", _amd64_variant(text))


def _cpuinfo() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""


def _field(cpuinfo: str, name: str) -> str:
    for line in cpuinfo.splitlines():
        key, _colon, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _arm_variant(cpuinfo: str) -> str:
    number = _field(cpuinfo, "CPU architecture").rstrip("TEJ")
    if number == "7" and "ARMv6-compatible" in _field(cpuinfo, "model name"):
        number = "6"  # Raspberry Pi 1 says 7
    return {"5": "v5", "6": "v6", "7": "v7", "8": "v8", "AArch64": "v8"}.get(number, "")


def _amd64_variant(cpuinfo: str) -> str:
    flags = set(_field(cpuinfo, "flags").split())
    reached = ""
    for level, words in _LEVELS:
        if not flags.issuperset(words.split()):
            break
        reached = level
    return reached


def candidates(
    wanted: Platform, *, runs_sibling: "Callable[[str], bool] | None" = None
) -> "Iterable[Platform]":
    """Give what a machine of this platform runs, the best first.

    Args:
        wanted: the machine's, or what was asked for.
        runs_sibling: says whether the kernel runs the 32-bit architecture; without it only the
            architecture itself counts.
    """
    for variant in _variants(wanted.architecture, wanted.variant):
        yield Platform(wanted.os, wanted.architecture, variant)
    sibling, variant = _SIBLINGS.get(wanted.architecture, ("", ""))
    if sibling and runs_sibling and runs_sibling(sibling):
        for older in _variants(sibling, variant):
            yield Platform(wanted.os, sibling, older)


def _variants(architecture: str, variant: str) -> "Iterable[str]":
    """Give a variant and those that it includes."""
    first = _FIRST_VARIANTS.get(architecture, "")
    number = (variant or first).removeprefix("v")
    if architecture == "arm64":
        yield from _arm64_variants(number)
    elif first and number.isdecimal() and len(number) < 3:
        least = 5 if architecture == "arm" else 1
        for older in range(int(number), least - 1, -1):
            yield f"v{older}"
    else:
        yield variant


def _arm64_variants(number: str) -> "Iterable[str]":
    """ARMv9.N includes ARMv8.(N+5)."""
    major, _dot, minor = number.partition(".")
    if not (major.isdecimal() and len(number) < 6 and (minor or "0").isdecimal()):
        yield f"v{number}"
        return
    rest = int(minor or "0")
    if major == "9":
        yield from (f"v9.{n}" for n in range(rest, 0, -1))
        yield "v9"
        rest += 5
    yield from (f"v8.{n}" for n in range(rest, 0, -1))
    yield "v8"


def choose(
    entries: "Iterable[Descriptor]", accepted: "Iterable[Platform]", what: str, asked: Platform
) -> "Descriptor":
    """Return the entry of an index for the first platform that has one.

    Args:
        entries: of the index.
        accepted: from `candidates`.
        what: names the image in an error.
        asked: what was wanted, for the error.

    Raises:
        NotFoundError: there is none; the error says which there are.
    """
    rows = list(entries)
    found: dict[Platform, Descriptor] = {}
    for entry in rows:
        if entry.get("platform"):
            found.setdefault(of_document(entry["platform"]), entry)
    for platform in accepted:
        if platform in found:
            return found[platform]
    there = [str(one) for one in found if one.architecture != "unknown"]
    if not there:
        if len(rows) == 1 and not found:
            return rows[0]  # "platform" is optional; the config will tell
        raise NotFoundError(f"{what}: its index names no platform")
    raise NotFoundError(
        f"{what}: there is none for {asked}, only for {', '.join(there)}",
        hint=f"take another with --platform {there[0]}",
    )
