"""Profiles in docker's format become OCI documents, and faults name their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import RequestError, SpecError, UsageError
from wardian.kernel import capabilities, seccomp

Document = dict[str, Any]

SYS_ADMIN = 1 << capabilities.CAP_SYS_ADMIN
SYS_TIME = 1 << capabilities.CAP_SYS_TIME


def _resolve(
    profile: object, caps: int = 0, arch: str = "x86_64", kernel: tuple[int, int] = (6, 1)
) -> Document:
    return seccomp.resolve(profile, caps=caps, arch=arch, kernel=kernel)


def _profile(*rules: Document, **more: object) -> Document:
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": list(rules), **more}


def _rule(**changes: object) -> Document:
    return {"names": ["read"], "action": "SCMP_ACT_ALLOW", **changes}


def _holds(
    rule: Document, caps: int = 0, arch: str = "x86_64", kernel: tuple[int, int] = (6, 1)
) -> bool:
    return bool(_resolve(_profile(rule), caps, arch, kernel)["syscalls"])


def test_what_has_no_conditions_comes_out_as_it_went_in() -> None:
    argument = {"index": 1, "value": 5, "valueTwo": 4, "op": "SCMP_CMP_MASKED_EQ"}
    rule = _rule(errnoRet=38, action="SCMP_ACT_ERRNO", args=[argument])
    profile = _profile(
        rule,
        defaultErrnoRet=1,
        architectures=["SCMP_ARCH_X86_64"],
        flags=["SECCOMP_FILTER_FLAG_LOG"],
        listenerPath="/run/agent",
    )
    assert _resolve(profile) == profile


def test_docker_s_extras_are_left_out_of_the_document() -> None:
    rule = {"name": "read", "action": "SCMP_ACT_ALLOW", "comment": "why", "args": None}
    found = _resolve(_profile(rule, comment="why", archMap=None))
    assert found["syscalls"] == [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]
    assert "comment" not in found


@pytest.mark.parametrize(
    ("includes", "excludes", "caps", "holds"),
    [
        (None, None, 0, True),
        ({}, {}, 0, True),
        ({"caps": ["CAP_SYS_ADMIN"]}, None, 0, False),
        ({"caps": ["CAP_SYS_ADMIN"]}, None, SYS_ADMIN, True),
        ({"caps": ["CAP_SYS_ADMIN", "CAP_SYS_TIME"]}, None, SYS_ADMIN, False),
        ({"caps": ["CAP_SYS_ADMIN", "CAP_SYS_TIME"]}, None, SYS_ADMIN | SYS_TIME, True),
        (None, {"caps": ["CAP_SYS_ADMIN", "CAP_SYS_TIME"]}, 0, True),
        (None, {"caps": ["CAP_SYS_ADMIN", "CAP_SYS_TIME"]}, SYS_TIME, False),
        ({"arches": ["amd64"]}, {"caps": ["CAP_SYS_ADMIN"]}, SYS_ADMIN, False),
    ],
)
def test_all_included_capabilities_are_needed_and_one_excluded_suffices(
    includes: Document | None, excludes: Document | None, caps: int, holds: bool
) -> None:
    assert _holds(_rule(includes=includes, excludes=excludes), caps=caps) is holds


@pytest.mark.parametrize(
    ("kernel", "included"), [((4, 7), False), ((4, 8), True), ((4, 10), True), ((5, 0), True)]
)
def test_the_least_kernel_is_compared_as_numbers(kernel: tuple[int, int], included: bool) -> None:
    assert _holds(_rule(includes={"minKernel": "4.8"}), kernel=kernel) is included
    assert _holds(_rule(excludes={"minKernel": "4.8"}), kernel=kernel) is not included


@pytest.mark.parametrize(
    ("machine", "word"),
    [
        ("x86_64", "amd64"),
        ("amd64", "amd64"),
        ("aarch64", "arm64"),
        ("armv7l", "arm"),
        ("i686", "x86"),
        ("s390x", "s390x"),
        ("riscv64", "riscv64"),
    ],
)
def test_a_machine_is_known_by_uname_s_word_and_by_docker_s(machine: str, word: str) -> None:
    assert _holds(_rule(includes={"arches": [word, "ppc64le"]}), arch=machine)
    assert not _holds(_rule(excludes={"arches": [word]}), arch=machine)
    assert not _holds(_rule(includes={"arches": ["mips"]}), arch=machine)


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(UsageError, match='"vax"'):
        _resolve(_profile(), arch="vax")


def test_the_arch_map_gives_the_machine_s_own_abis() -> None:
    entries = [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": None},
    ]
    profile = _profile(archMap=entries)
    assert _resolve(profile)["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert _resolve(profile, arch="riscv64")["architectures"] == ["SCMP_ARCH_RISCV64"]
    assert _resolve(profile, arch="s390x")["architectures"] == []


@pytest.mark.parametrize(
    ("profile", "where", "text"),
    [
        ([], "(top)", "object, not a list"),
        ({}, "defaultAction", "missing"),
        (_profile(defaultAction="SCMP_ACT_ALOW"), "defaultAction", "SCMP_ACT_ALLOW"),
        (_profile(defaultAction=7), "defaultAction", "not 7"),
        (_profile(defaultAction="SCMP_ACT_NOTIFY"), "defaultAction", "default"),
        (_profile(defaultErrnoRet=-1), "defaultErrnoRet", "from 0"),
        (_profile(defaultErrnoRet=True), "defaultErrnoRet", "integer, not true"),
        (_profile(defaultErnoRet=1), "defaultErnoRet", "defaultErrnoRet"),
        (
            _profile(defaultAction="SCMP_ACT_ALLOW", defaultErrnoRet=1),
            "defaultErrnoRet",
            "no value",
        ),
        (_profile(flags=["X"]), "flags[0]", "unknown"),
        (_profile(architectures=["SCMP_ARCH_VAX"]), "architectures[0]", "unknown"),
        (_profile(architectures=["SCMP_ARCH_X86"], archMap=[{}]), "archMap[0].architecture", ""),
        (_profile(archMap={}), "archMap", "list"),
        (_profile(syscalls={}), "syscalls", "list"),
        (_profile(None), "syscalls[0]", "object, not null"),  # type: ignore[arg-type]
        (_profile(_rule(), {}), "syscalls[1].names", "missing"),
        (_profile(_rule(names=[])), "syscalls[0].names", "empty"),
        (_profile(_rule(names=[3])), "syscalls[0].names[0]", "word, not 3"),
        (_profile(_rule(names=["a\0b"])), "syscalls[0].names[0]", "word"),
        (_profile(_rule(name="write")), "syscalls[0]", "either"),
        (_profile(_rule(action="ALLOW")), "syscalls[0].action", "unknown"),
        (_profile(_rule(errnoRet=1)), "syscalls[0].errnoRet", "no value"),
        (_profile(_rule(action="SCMP_ACT_ERRNO", errnoRet=4095)), "syscalls[0].errnoRet", "4094"),
        (_profile(_rule(names=["write"], action="SCMP_ACT_NOTIFY")), "syscalls[0].action", "write"),
        (_profile(_rule(args={})), "syscalls[0].args", "list"),
        (_profile(_rule(args=[{}])), "syscalls[0].args[0].op", "missing"),
        (
            _profile(_rule(args=[{"value": 1, "op": "SCMP_CMP_EQ"}])),
            "syscalls[0].args[0].index",
            "",
        ),
        (
            _profile(_rule(args=[{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}])),
            "syscalls[0].args[0].index",
            "from 0 to 5",
        ),
        (
            _profile(_rule(args=[{"index": 0, "value": 1 << 64, "op": "SCMP_CMP_EQ"}])),
            "syscalls[0].args[0].value",
            "",
        ),
        (
            _profile(_rule(args=[{"index": 0, "value": 0, "op": "SCMP_CMP_IS"}])),
            "syscalls[0].args[0].op",
            "unknown",
        ),
        (_profile(_rule(exclude={})), "syscalls[0].exclude", "excludes"),
        (_profile(_rule(includes=[])), "syscalls[0].includes", "object"),
        (_profile(_rule(includes={"caps": ["CAP_X"]})), "syscalls[0].includes.caps[0]", "CAP_X"),
        (
            _profile(_rule(excludes={"arches": ["amd46"]})),
            "syscalls[0].excludes.arches[0]",
            "amd64",
        ),
        (_profile(_rule(includes={"minKernel": "4"})), "syscalls[0].includes.minKernel", '"4"'),
        (_profile(_rule(includes={"minKernel": 4.8})), "syscalls[0].includes.minKernel", "string"),
    ],
)
def test_every_fault_names_its_json_path(profile: object, where: str, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        _resolve(profile)
    faults = f"{caught.value} {caught.value.hint}"
    assert f"{where}: " in faults
    assert text in faults


def test_a_rule_that_does_not_apply_here_is_checked_too() -> None:
    with pytest.raises(SpecError, match=r"syscalls\[0\].action"):
        _resolve(_profile(_rule(action="X", includes={"arches": ["s390x"]})))


def test_all_faults_come_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        _resolve(_profile(_rule(action="X"), _rule(names=[]), *[_rule(args=[0])] * 9))
    assert caught.value.where == "syscalls[0].action"
    assert "syscalls[1].names: " in caught.value.hint
    assert "more" in caught.value.hint


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "defaultAction",
                        "architectures",
                        "archMap",
                        "architecture",
                        "syscalls",
                        "names",
                    ),
                    *(
                        "action",
                        "args",
                        "index",
                        "value",
                        "op",
                        "includes",
                        "caps",
                        "arches",
                        "flags",
                    ),
                    *("minKernel", "excludes", "errnoRet"),
                ]
            ),
            inner | st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_CMP_EQ", "SCMP_ARCH_X86", "CAP_KILL"]),
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(_JSON)
def test_any_json_is_a_document_or_a_clear_error(profile: object) -> None:
    try:
        document = _resolve(profile)
    except SpecError as error:
        document = {"where": error.where}
    assert "where" not in document or document["where"]
    assert "where" in document or _resolve(document) == document


def test_the_digest_depends_on_content_and_not_on_the_order_of_keys() -> None:
    document = _resolve(_profile(_rule()))
    turned = dict(reversed(document.items()))
    assert seccomp.digest(document) == seccomp.digest(turned)
    assert seccomp.digest(document) != seccomp.digest(_resolve(_profile(_rule(names=["write"]))))
    assert len(seccomp.digest(document)) == 64


@pytest.mark.parametrize(
    ("flags", "number"),
    [
        (None, 0x4),
        ([], 0),
        (["SECCOMP_FILTER_FLAG_TSYNC"], 0),
        (["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 0x6),
        (["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], 0x20),
    ],
)
def test_flags_are_those_of_the_kernel_and_runc_s_by_default(
    flags: list[str] | None, number: int
) -> None:
    assert seccomp.flags(_resolve(_profile(flags=flags))) == number


def test_a_rule_that_notifies_asks_for_a_listener() -> None:
    document = _resolve(_profile(_rule(action="SCMP_ACT_NOTIFY"), flags=[]))
    assert seccomp.asks_listener(document)
    assert seccomp.flags(document) == 0x8


def test_an_allow_list_adds_what_a_program_needs_to_begin_and_end() -> None:
    document = seccomp.allow_list(["write", "read"], "aarch64")
    assert document["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    (rule,) = document["syscalls"]
    assert {"read", "write", "execve", "exit_group", "rt_sigreturn"} <= set(rule["names"])
    assert "openat" not in rule["names"]
    assert _resolve(document, arch="aarch64") == document


def test_a_typo_in_an_allow_list_gives_close_matches() -> None:
    with pytest.raises(UsageError, match='"opennat"') as caught:
        seccomp.allow_list(["read", "opennat"])
    assert "openat" in caught.value.hint


def test_the_order_and_repetition_of_an_allow_list_do_not_matter() -> None:
    one, other = (seccomp.allow_list(names) for names in (["read", "write"], ["write", "read"] * 2))
    assert seccomp.digest(one) == seccomp.digest(other)


def test_a_refusal_of_an_unknown_call_is_not_forgotten() -> None:
    profile = _profile(_rule(names=["opennat"], action="SCMP_ACT_KILL"))
    seccomp.assemble(_resolve(profile))
    with pytest.raises(SpecError, match=r'syscalls\[0\].names: unknown system call "opennat"'):
        seccomp.assemble(_resolve({**profile, "defaultAction": "SCMP_ACT_ALLOW"}))


@pytest.mark.parametrize("arguments", [[], [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_rule_that_another_makes_void_is_an_error(arguments: list[Any], turn: int) -> None:
    rules = [_rule(), _rule(action="SCMP_ACT_KILL", args=arguments)]
    with pytest.raises(RequestError, match='"read" is decided otherwise'):
        seccomp.assemble(_resolve(_profile(*rules[::turn])))
