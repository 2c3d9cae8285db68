"""No config.json makes the checker fail in any other way than by saying what is wrong.

Every place of three real documents is spoiled with every hostile value, one at a time; hypothesis
spoils several at once, and the text too. What is taken nevertheless is taken again unchanged, and
goes through the readers of resources and of seccomp without another exception.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import oci_configs
from wardian import json_text
from wardian.errors import SpecError, UnsupportedError
from wardian.kernel import seccomp
from wardian.oci import validate
from wardian.runtime import resources

DOCUMENTS = {
    "docker": oci_configs.docker,
    "podman": oci_configs.podman,
    "everything": oci_configs.everything,
}
MISSING = object()
Path = tuple[str | int, ...]

HOSTILE: list[Any] = [
    *(MISSING, None, True, False, 0, 1, -1, 7, 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 10**300),
    *(0.0, 1.5, -0.0, 1e308, float("inf"), float("nan")),
    *("", "\0", "a\0b", "\n", "/", "..", "../../../etc/passwd", "/proc/self/exe", "/a/../..", "."),
    *("\ud800", "\udcff", "é", "\U0010ffff", "\x1b[31m", "%s%n", "x" * 140_000, "/" * 5000),
    *(
        "CAP_SYS_ADMIN",
        "pid",
        "rbind",
        "bind",
        "idmap",
        "SCMP_ACT_NOTIFY",
        "RLIMIT_CORE",
        "9" * 400,
    ),
    *([], [[]], [None], [""], ["\0"], ["x"] * 3, [{}], [[{}]], [-1], ["bind"], [1.5] * 2000),
    *({}, {"": ""}, {"\0": "x"}, {"a": {}}, {"type": "pid"}, {"x" * 5000: "y" * 5000}),
]


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Give the path of every place in a document, the document itself too."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:3]):
            yield from places(inner, (*at, number))


def spoiled(document: Any, at: Path, value: Any) -> Any:
    """Return a copy with another value at one place."""
    if not at:
        return None if value is MISSING else copy.deepcopy(value)
    document = copy.deepcopy(document)
    inner = document
    for step in at[:-1]:
        inner = inner[step]
    if value is not MISSING:
        inner[at[-1]] = copy.deepcopy(value)
    elif isinstance(inner, dict):
        del inner[at[-1]]
    else:
        inner.pop(at[-1])
    return document


def judged(document: Any) -> bool:
    """Check a document; it is taken or refused in one clear line, and nothing else happens."""
    try:
        found: Any = validate.check(document)
    except SpecError as error:
        assert error.where
        assert str(error).startswith(f"{error.where}: ")
        for text in (str(error), error.hint):
            assert text.isprintable()
            assert len(text) < 3000
        return False
    assert validate.check(found) == found
    assert json_text.loads(json_text.dumps(found)) == found
    judged_by_the_readers(found.get("linux", {}))
    return True


def judged_by_the_readers(linux: Any) -> None:
    """What passes must not make the next readers fail in another way either."""
    try:
        controllers = ("memory", "cpu", "pids", "io", "devices")
        resources.compile(linux.get("resources"), mode="hybrid", controllers=controllers)
    except (SpecError, UnsupportedError) as error:
        assert str(error).isprintable()
    if "seccomp" in linux:
        try:
            seccomp.resolve(linux["seccomp"], caps=0, arch="x86_64", kernel=(6, 1))
        except SpecError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_are_taken_as_they_are(name: str) -> None:
    assert judged(DOCUMENTS[name]())


@pytest.mark.slow
@pytest.mark.parametrize("value", range(len(HOSTILE)))
def test_every_place_can_hold_every_hostile_value(value: int) -> None:
    verdicts = set()
    for name in ("podman", "everything"):  # which has all that docker's has
        document = DOCUMENTS[name]()
        for at in places(document):
            verdicts.add(judged(spoiled(document, at, HOSTILE[value])))
    assert False in verdicts


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_object_can_have_a_key_that_nobody_knows(name: str) -> None:
    document = DOCUMENTS[name]()
    expected = validate.check(document)
    for at in places(document):
        inner: Any = document
        for step in at:
            inner = inner[step]
        if isinstance(inner, dict) and not is_map(at):
            for key in ("x-vendor", "", "\0", "__class__", "é" * 1000):
                assert validate.check(spoiled(document, (*at, key), {"a": [None]})) == expected


def is_map(at: Path) -> bool:
    """Say whether all keys of an object mean something."""
    maps = ("annotations", "sysctl", "unified", "rdma", "netDevices", "timeOffsets")
    return bool(at) and at[-1] in maps


LEAVES = st.sampled_from([value for value in HOSTILE if value is not MISSING])
ANY_VALUE = st.recursive(
    LEAVES | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_several_places_can_be_spoiled_at_once(name: str, data: st.DataObject) -> None:
    document = DOCUMENTS[name]()
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.sampled_from(sorted(places(document), key=repr)))
        document = spoiled(document, at, data.draw(st.just(MISSING) | ANY_VALUE))
    judged(document)


@given(ANY_VALUE)
def test_any_value_at_all_is_judged(value: Any) -> None:
    assert not judged(value)


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_a_text_that_was_cut_or_changed_is_judged(name: str, data: st.DataObject) -> None:
    text = json.dumps(DOCUMENTS[name](), ensure_ascii=data.draw(st.booleans())).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    changed = text[:start] + data.draw(st.binary(max_size=12)) + text[end:]
    try:
        document = json_text.loads(changed)
    except SpecError as error:
        assert str(error).isprintable()
    else:
        judged(document)


def large(count: int, **fields: Any) -> Any:
    document = oci_configs.docker()
    for path, member in fields.items():
        section, _, key = path.partition("__")
        (document[section] if key else document)[key or section] = [member] * count
    return document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            large(100_000, mounts={"destination": "/a", "type": "tmpfs"}),
            "mounts: has 100000 entries",
        ),
        (large(1_000_000, process__env="A=12"), "more than the 6 MiB of exec"),
        (large(1_000_001, process__env="A=1"), "process.env: has 1000001 entries"),
        (large(1_000_000, process__args="a"), "more than the 6 MiB of exec"),
        (large(100_000, linux__namespaces={"type": "pid"}), "linux.namespaces: has 100000"),
        (large(10_000, linux__namespaces={"type": "pid"}), '"pid" stands twice'),
        (large(100_000, linux__devices={}), "linux.devices: has 100000 entries"),
        (large(10_000, linux__devices={}), "linux.devices[0].type: is missing"),
        (large(10_000, linux__uidMappings={"containerID": 0, "hostID": 0, "size": 1}), "uidMapp"),
        (large(10_000, process__rlimits={}), "process.rlimits[0].type: is missing"),
    ],
)
def test_what_is_absurdly_large_is_refused_by_name(document: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        validate.check(document)
    assert words in f"{caught.value} {caught.value.hint}"
    assert not judged(document)


def test_what_is_large_but_possible_is_taken() -> None:
    assert judged(large(1000, mounts={"destination": "/a", "type": "tmpfs"}))
    assert judged(large(100_000, process__env="A=123456"))
    assert judged(large(10_000, linux__maskedPaths="/proc/kcore"))
