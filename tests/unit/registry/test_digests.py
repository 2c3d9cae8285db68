"""Digests are strict, since they become names of files."""

import hashlib

import pytest

from wardian.errors import SpecError
from wardian.registry import digests

DATA = b"some bytes"
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_both_algorithms_are_known(algorithm: str) -> None:
    digest = digests.of(DATA, algorithm)
    assert digest == f"{algorithm}:{hashlib.new(algorithm, DATA).hexdigest()}"
    digests.check(DATA, digest, "x")
    assert digests.split(digest)[0] == algorithm


@pytest.mark.parametrize(
    "text",
    ["", "sha256", "sha256:", "sha256:../../etc", "sha256:" + "A" * 64, "md5:" + "a" * 32, 7, None,
     "sha512:" + "a" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 63 + "\n"],
)  # fmt: skip
def test_what_is_no_digest_is_told(text: object) -> None:
    assert digests.fault(text)


def test_a_stream_that_is_longer_is_refused_at_the_first_byte_too_many() -> None:
    verifier = digests.Verifier(DIGEST, len(DATA), "blob")
    verifier.update(DATA)
    with pytest.raises(SpecError, match="longer than the 10 bytes"):
        verifier.update(b"x")


def test_a_stream_that_is_shorter_is_refused() -> None:
    verifier = digests.Verifier(DIGEST, len(DATA), "blob")
    verifier.update(DATA[:-1])
    with pytest.raises(SpecError, match="9 bytes came, 10 were promised"):
        verifier.finish()


def test_a_stream_of_other_bytes_is_refused() -> None:
    verifier = digests.Verifier(DIGEST, len(DATA), "blob")
    verifier.update(b"x" * len(DATA))
    with pytest.raises(SpecError, match="has the digest sha256:"):
        verifier.finish()


def test_people_see_twelve_digits() -> None:
    assert digests.short(DIGEST) == DIGEST[7:19]
