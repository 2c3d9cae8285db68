"""CPU profiles: variables by library version, and what a processor must have."""

import pytest

from wardian import errors
from wardian.engine.options import Options
from wardian.kernel import processor
from wardian.runtime import cpu_profiles


def test_native_fixes_the_threads_alone() -> None:
    found = cpu_profiles.environment("native", 3)
    assert {found[name] for name in cpu_profiles.THREADS} == {"3"}
    assert "OPENBLAS_CORETYPE" not in found


def test_words_are_those_of_the_library_s_version() -> None:
    name = "NPY_DISABLE_CPU_FEATURES"
    old = cpu_profiles.environment("v3", libraries={"numpy": "2.3.5", "glibc": "2.31"})
    new = cpu_profiles.environment("v3", libraries={"numpy": "2.4.0rc1", "glibc": "2.36"})
    assert "X86_V4" not in old[name]
    assert old["GLIBC_TUNABLES"] == "glibc.cpu.hwcaps=-FMA4_Usable,-AVX512F_Usable"
    assert new[name] == "X86_V4,AVX512_ICL,AVX512_SPR"
    assert new["GLIBC_TUNABLES"] == "glibc.cpu.hwcaps=-FMA4,-AVX512F,-AVX512VL"


def test_unknown_versions_get_the_words_of_all() -> None:
    found = cpu_profiles.environment("v2")["NPY_DISABLE_CPU_FEATURES"].split(",")
    assert {"AVX2", "AVX512_SKX", "X86_V3", "X86_V4"} <= set(found)
    assert len(found) == len(set(found))


def test_a_profile_is_not_quietly_half_set() -> None:
    assert "OMP_NUM_THREADS=1" in cpu_profiles.add(["OMP_NUM_THREADS=1"], "v2", 1)
    with pytest.raises(errors.UsageError, match="OPENBLAS_CORETYPE"):
        cpu_profiles.add(["OPENBLAS_CORETYPE=ZEN"], "v2", 1)


def test_the_options_of_run_set_variables() -> None:
    assert "OMP_NUM_THREADS=4" in Options.parse("true", threads=4).env
    for words in ({"cpu_profile": "v9"}, {"threads": 0}, {"threads": "many"}):
        with pytest.raises(errors.UsageError):
            Options.parse("true", **words)


def test_levels_follow_from_the_flags() -> None:
    everything = frozenset(cpu_profiles.needs("v4"))
    assert cpu_profiles.level_of(everything) == "v4"
    assert cpu_profiles.level_of(everything - {"avx512dq"}) == "v3"
    assert cpu_profiles.level_of(everything - {"fma"}) == "v2"
    assert cpu_profiles.level_of(frozenset({"fpu"})) == "v1"
    assert cpu_profiles.level_of(frozenset()) == ""


def test_a_profile_that_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    old = frozenset(cpu_profiles.needs("v2"))
    monkeypatch.setattr(processor, "flags", lambda: old)
    cpu_profiles.check_processor("v2")
    with pytest.raises(errors.UnsupportedError, match="can't: no abm, avx, avx2"):
        cpu_profiles.check_processor("v3")
    monkeypatch.setattr(processor, "flags", frozenset)
    with pytest.raises(errors.UnsupportedError, match="no x86-64"):
        cpu_profiles.check_processor("v2")
    cpu_profiles.check_processor("native")
