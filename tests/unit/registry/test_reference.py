"""Names of images mean what docker means by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import UsageError
from wardian.registry import reference
from wardian.registry.reference import HUB

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("alpine", f"{HUB}/library/alpine:latest"),
        ("alpine:3", f"{HUB}/library/alpine:3"),
        ("team/app", f"{HUB}/team/app:latest"),
        (f"index.{HUB}/alpine", f"{HUB}/library/alpine:latest"),
        (f"{HUB}/team/app:1", f"{HUB}/team/app:1"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("host.example/a/b/c:1.0-x_Y", "host.example/a/b/c:1.0-x_Y"),
        ("HOST/x", "HOST/x:latest"),
        ("[::1]:5000/x:2", "[::1]:5000/x:2"),
        ("[::1]/x", "[::1]/x:latest"),
        (f"alpine@{DIGEST}", f"{HUB}/library/alpine@{DIGEST}"),
        (f"a.b/c:tag@{DIGEST}", f"a.b/c:tag@{DIGEST}"),
        ("a.b/x__y.z--w", "a.b/x__y.z--w:latest"),
        ("x.y", f"{HUB}/library/x.y:latest"),
    ],
)
def test_a_name_is_completed_as_docker_does(text: str, meant: str) -> None:
    assert str(reference.parse(text)) == meant
    assert str(reference.parse(meant)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "x:",
        "x@",
        "x@sha256:abc",
        "x@md5:" + "a" * 32,
        "x@sha256:" + "A" * 64,
        "/x",
        "x/",
        "a.b/x//y",
        "a.b/../x",
        "a.b/X",
        "x y",
        "x\n",
        "x\0",
        "-x",
        "x-",
        "a___b",
        "a._b",
        "a.b/x:" + "t" * 129,
        "a.b/x:-t",
        "a.b:0/x",
        "a.b:99999/x",
        "a.b:port/x",
        "-a.b/x",
        "a..b/x",
        "[::1/x",
        "[]/x",
        "f" * 64,
        "a.b/" + "x" * 256,
        "é",
        "a.b/x:é",
        "a.b:٣/x",
    ],
)
def test_what_is_no_name_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        reference.parse(text)
    assert "image name" in str(caught.value)
    assert caught.value.hint


def test_people_see_the_short_name() -> None:
    assert reference.parse("alpine").familiar == "alpine"
    assert reference.parse("team/app").familiar == "team/app"
    assert reference.parse("localhost:5000/a/b").familiar == "localhost:5000/a/b"


def test_the_digest_counts_before_the_tag() -> None:
    both = reference.parse(f"a.b/c:tag@{DIGEST}")
    assert both.target == DIGEST
    assert both.with_tag("2").target == "2"
    assert str(both.with_digest(DIGEST)) == f"a.b/c@{DIGEST}"
    assert both == reference.parse(str(both))
    assert len({both, reference.parse(str(both))}) == 1


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_usage_error(text: str) -> None:
    try:
        found = reference.parse(text)
    except UsageError:
        return
    assert reference.parse(str(found)) == found
    assert ".." not in found.path.split("/")
