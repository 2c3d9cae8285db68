"""Have numerical libraries compute as one kind of processor, whichever runs them: --cpu-profile.

A library that looks at the processor picks other instructions on another one, and these round
differently: the last digits of exp(), of a product of matrices, of an FFT. A profile sets the
variables by which each library is told what it may use, and fixes the number of threads, since a
sum over threads depends on it.

    v2      x86-64-v2: SSE 4.2 (Nehalem, 2008)
    v3      x86-64-v3: AVX2 and FMA (Haswell, 2013)
    native  what this processor has; only the threads are fixed

Facts about these variables
---------------------------
Their words depend on the library's version: NumPy 2.4 has named its groups anew and passes over the
old names, glibc 2.33 dropped "_Usable". Each passes over names that it does not know, so that where
the versions are not known the words of all can be set. What is set-user-id, and other C libraries,
ignore GLIBC_TUNABLES. A program that was compiled for one processor can't be told anything.

`CHECKED` are the rows for which results were compared with those of a processor that has no more
(docs/guides/random.md); the others are their documentation's words. A profile is to be checked for
the program at hand: wardian.repro.cpu.

Source: NumPy, "CPU/SIMD optimizations"; OpenBLAS, USAGE.md; glibc manual, "Hardware Capability
Tunables"; x86-64 psABI, "Micro-Architecture Levels".
"""

from wardian.errors import UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PROFILES = ("v2", "v3", "native")
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
# A library must not choose by itself how many of them it uses.
FIXED_THREADS = (("OMP_DYNAMIC", "FALSE"), ("MKL_DYNAMIC", "FALSE"))
THREADS_MAX = 4096

_AVX512 = "AVX512F,AVX512CD,AVX512_SKX,AVX512_CLX,AVX512_CNL,AVX512_ICL,AVX512_SPR"
# (library, from this version, before this one, variable, words of v2, words of v3)
TABLE = (
    ("glibc", "2.33", "", "GLIBC_TUNABLES", "-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL",
     "-FMA4,-AVX512F,-AVX512VL"),
    ("glibc", "2.28", "2.33", "GLIBC_TUNABLES",
     "-AVX_Usable,-AVX2_Usable,-FMA_Usable,-FMA4_Usable,-AVX512F_Usable",
     "-FMA4_Usable,-AVX512F_Usable"),
    ("numpy", "1.20", "2.4", "NPY_DISABLE_CPU_FEATURES", f"AVX,F16C,FMA3,AVX2,{_AVX512}", _AVX512),
    ("numpy", "2.4", "", "NPY_DISABLE_CPU_FEATURES", "X86_V3,X86_V4,AVX512_ICL,AVX512_SPR",
     "X86_V4,AVX512_ICL,AVX512_SPR"),
    ("openblas", "0.3", "", "OPENBLAS_CORETYPE", "Nehalem", "Haswell"),
    ("mkl", "2020", "", "MKL_CBWR", "SSE4_2,STRICT", "AVX2,STRICT"),
    ("torch", "1.9", "", "ATEN_CPU_CAPABILITY", "default", "avx2"),
    ("onednn", "2.0", "", "ONEDNN_MAX_CPU_ISA", "SSE41", "AVX2"),
    ("numba", "0.40", "", "NUMBA_CPU_NAME", "x86-64-v2", "x86-64-v3"),
)  # fmt: skip
CHECKED = frozenset((("glibc", "2.33"), ("numpy", "1.20"), ("numpy", "2.4"), ("openblas", "0.3")))
_PREFIX = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps="}

# x86-64 psABI: what /proc/cpuinfo calls the flags of a level, each with those of the lower ones
LEVELS = {
    "v2": ("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"),
    "v3": ("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"),
    "v4": ("avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"),
}


def environment(
    profile: str, threads: int = 1, libraries: "Mapping[str, str] | None" = None
) -> "dict[str, str]":
    """Return the variables of a profile (pure).

    Args:
        profile: one of PROFILES.
        threads: of BLAS and OpenMP.
        libraries: versions by name, where they are known; a library that is not among them gets the
            words of all its versions.

    Raises:
        UsageError: there is no such profile.
    """
    if profile not in PROFILES:
        raise UsageError(f'cpu-profile "{profile}": not {", ".join(PROFILES)}')
    found = {name: str(threads) for name in THREADS}
    found.update(FIXED_THREADS)
    if profile == "native":
        return found
    words: dict[str, list[str]] = {}
    for row in rows(libraries):
        texts = row[4 if profile == "v2" else 5].split(",")
        known = words.setdefault(row[3], [])
        known += [text for text in texts if text not in known]
    found.update({name: _PREFIX.get(name, "") + ",".join(row) for name, row in words.items()})
    return found


def rows(
    libraries: "Mapping[str, str] | None" = None,
) -> "list[tuple[str, str, str, str, str, str]]":
    """Return the rows of TABLE that concern these versions; all without them."""
    known = libraries or {}
    return [row for row in TABLE if row[0] not in known or _covers(row[1:3], known[row[0]])]


def _covers(bounds: "tuple[str, ...]", version: str) -> bool:
    first, end = bounds
    at = _number(version)
    return _number(first) <= at and (not end or at < _number(end))


def _number(version: str) -> "tuple[int, ...]":
    """Return a version's leading numbers: "2.4.0rc1" is (2, 4, 0)."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def add(env: "list[str]", profile: str, threads: int) -> "list[str]":
    """Return an environment with a profile's variables.

    Raises:
        UsageError: one of them is set to something else: then the profile would not hold.
    """
    given = dict(entry.partition("=")[::2] for entry in env)
    wanted = environment(profile, threads)
    for name, value in wanted.items():
        if given.get(name, value) != value:
            raise UsageError(
                f'--cpu-profile {profile} sets {name}="{value}", and --env "{given[name]}"',
                hint="leave one away; --threads sets how many threads there are",
            )
    return [*(f"{name}={value}" for name, value in wanted.items() if name not in given), *env]


def check_processor(profile: str) -> None:
    """Look whether this processor has what a profile uses.

    Raises:
        UnsupportedError: it has not, or it is no x86-64.
    """
    if profile == "native":
        return
    from wardian.kernel import processor

    flags = processor.flags()
    lacking = [name for name in needs(profile) if name not in flags]
    if lacking:
        what = f"no {', '.join(lacking[:4])}" if flags else "it is no x86-64"
        raise UnsupportedError(
            f"cpu-profile {profile}: this processor can't: {what}",
            feature="cpu profile",
            hint="--cpu-profile v2, or native" if flags else "--cpu-profile native",
        )


def needs(level: str) -> "list[str]":
    """Return the flags that a level has, with those of the lower ones."""
    names = list(LEVELS)
    return [flag for name in names[: names.index(level) + 1] for flag in LEVELS[name]]


def level_of(flags: "frozenset[str]") -> str:
    """Return the highest level that a processor with these flags has: "v1" to "v4"; "" for none.

    Args:
        flags: as /proc/cpuinfo has them; none where it is no x86-64.
    """
    if not flags:
        return ""
    found = "v1"
    for name, needed in LEVELS.items():
        if not flags.issuperset(needed):
            break
        found = name
    return found
