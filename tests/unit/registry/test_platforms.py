"""The right manifest for a machine: the spec's and containerd's rules."""

import pytest

from wardian.errors import NotFoundError, UsageError
from wardian.registry import platforms
from wardian.registry.documents import Descriptor
from wardian.registry.platforms import Platform


def entry(text: str, number: int = 0) -> Descriptor:
    words = text.split("/")
    row: Descriptor = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": f"sha256:{number:064x}",
        "size": 1,
        "platform": {"os": words[0], "architecture": words[1]},
    }
    if len(words) > 2:
        row["platform"]["variant"] = words[2]
    return row


def chosen(wanted: str, offered: "list[str]", *, sibling: bool = False) -> str:
    rows = [entry(text, number) for number, text in enumerate(offered)]
    accepted = platforms.candidates(
        platforms.parse(wanted), runs_sibling=(lambda _name: True) if sibling else None
    )
    row = platforms.choose(rows, accepted, "x", platforms.parse(wanted))
    return offered[int(row["digest"][7:], 16)]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("arm", "linux/arm/v7"),
        ("armhf", "linux/arm/v7"),
        ("armel", "linux/arm/v6"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("i386", "linux/386"),
        ("ppc64el", "linux/ppc64le"),
        ("Linux/S390X", "linux/s390x"),
        ("macos/arm64", "darwin/arm64"),
    ],
)
def test_one_platform_has_one_name(text: str, normal: str) -> None:
    assert str(platforms.parse(text)) == normal


@pytest.mark.parametrize("text", ["", "a/b/c/d", "linux//x", "lin ux/amd64", "linux/../x"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        platforms.parse(text)


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"),
        ("linux/amd64/v3", ["linux/amd64/v4", "linux/amd64"], "linux/amd64"),
        ("linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm64/v9", ["linux/arm64/v8", "linux/arm64/v9"], "linux/arm64/v9"),
        ("linux/arm64/v9", ["linux/arm64/v8.4", "linux/arm64"], "linux/arm64/v8.4"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"),
        ("linux/arm/v7", ["linux/arm", "linux/arm/v7"], "linux/arm"),
        ("linux/arm/v6", ["linux/arm/v7", "linux/arm/v5"], "linux/arm/v5"),
    ],
)
def test_the_nearest_variant_is_chosen(wanted: str, offered: "list[str]", expected: str) -> None:
    assert chosen(wanted, offered) == expected


def test_the_32_bit_sibling_is_chosen_only_where_the_kernel_runs_it() -> None:
    offered = ["linux/386", "linux/arm/v6", "linux/arm/v7"]
    assert chosen("linux/arm64", offered, sibling=True) == "linux/arm/v7"
    assert chosen("linux/amd64", offered, sibling=True) == "linux/386"
    with pytest.raises(NotFoundError):
        chosen("linux/arm64", offered)


def test_the_sibling_is_not_tried_while_something_native_is_there() -> None:
    def never(_name: str) -> bool:
        raise AssertionError

    native = platforms.parse("linux/amd64")
    rows = [entry("linux/386"), entry("linux/amd64", 1)]
    accepted = platforms.candidates(native, runs_sibling=never)
    assert platforms.choose(rows, accepted, "x", native) is rows[1]


def test_where_several_match_the_first_counts() -> None:
    rows = [entry("linux/amd64", 1), entry("linux/amd64", 2)]
    native = platforms.parse("linux/amd64")
    assert platforms.choose(rows, [native], "x", native) is rows[0]


def test_an_index_with_nothing_for_us_says_what_it_has() -> None:
    offered = ["linux/s390x", "unknown/unknown", "linux/arm/v7"]
    with pytest.raises(NotFoundError) as caught:
        chosen("linux/amd64", offered)
    assert str(caught.value).endswith("none for linux/amd64, only for linux/s390x, linux/arm/v7")
    assert caught.value.hint == "take another with --platform linux/s390x"


def test_an_entry_without_a_platform_is_taken_if_it_is_alone() -> None:
    row: Descriptor = {"mediaType": "m", "digest": "sha256:" + "0" * 64, "size": 1}
    native = platforms.parse("linux/amd64")
    assert platforms.choose([row], [native], "x", native) is row
    with pytest.raises(NotFoundError, match="names no platform"):
        platforms.choose([row, row], [native], "x", native)


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "expected"),
    [
        ("x86_64", "flags\t: sse2", "linux/amd64"),
        ("x86_64", "flags\t: cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3", "linux/amd64/v2"),
        ("aarch64", "CPU architecture: 8", "linux/arm64"),
        ("armv7l", "CPU architecture: 7\n", "linux/arm/v7"),
        ("armv7l", "model name : ARMv6-compatible\nCPU architecture: 7", "linux/arm/v6"),
        ("armv8l", "CPU architecture: 8", "linux/arm/v8"),
        ("riscv64", "", "linux/riscv64"),
        ("ppc64le", "", "linux/ppc64le"),
    ],
)
def test_a_machine_s_platform_is_read_from_its_processor(
    machine: str, cpuinfo: str, expected: str
) -> None:
    assert str(platforms.host(machine, cpuinfo)) == expected


def test_platforms_are_values() -> None:
    assert Platform("linux", "arm") == Platform("linux", "arm", "v7")
    assert Platform("linux", "arm").document() == {
        "architecture": "arm",
        "os": "linux",
        "variant": "v7",
    }
