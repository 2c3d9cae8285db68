"""Content digests, and streams that are checked against them.

A digest names bytes: "sha256:" and 64 lower-case hexadecimal digits, or "sha512:" and 128. Nothing
else is taken: a digest becomes the name of a file.

Source: image-spec, descriptor.md.
"""

from wardian.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import _Hash

CANONICAL = "sha256"
_LENGTHS = {"sha256": 64, "sha512": 128}
_HEX = frozenset("0123456789abcdef")


def fault(text: object) -> str:
    """Say what is wrong with a digest, or ""."""
    if not isinstance(text, str):
        return "a digest is a string"
    algorithm, colon, digits = text.partition(":")
    length = _LENGTHS.get(algorithm)
    shown = text if len(text) < 160 else f"{text[:160]}..."
    if not colon or length is None:
        return f'"{shown}" is not a digest: sha256:... or sha512:...'
    if len(digits) != length or not _HEX.issuperset(digits):
        return f'"{shown}" is not a digest: {algorithm} has {length} hexadecimal digits'
    return ""


def split(digest: str) -> tuple[str, str]:
    """Return the algorithm and the digits.

    Raises:
        SpecError: it is no digest.
    """
    wrong = fault(digest)
    if wrong:
        raise SpecError(wrong)
    algorithm, _colon, digits = digest.partition(":")
    return algorithm, digits


def short(digest: str) -> str:
    """Return the 12 digits that docker shows."""
    return digest.partition(":")[2][:12]


def of(data: "bytes | memoryview", algorithm: str = CANONICAL) -> str:
    """Return the digest of bytes."""
    return f"{algorithm}:{new(algorithm, data).hexdigest()}"


def new(algorithm: str = CANONICAL, data: "bytes | memoryview" = b"") -> "_Hash":
    """Return a hash object.

    Raises:
        SpecError: there is no such algorithm.
    """
    import hashlib

    if algorithm not in _LENGTHS:
        raise SpecError(f'digest algorithm "{algorithm[:50]}": only sha256 and sha512 are known')
    return hashlib.new(algorithm, data, usedforsecurity=False)


def check(data: bytes, digest: str, what: str) -> None:
    """Compare bytes with their digest.

    Raises:
        SpecError: they are others.
    """
    verifier = Verifier(digest, len(data), what)
    verifier.update(data)
    verifier.finish()


class Verifier:
    """Checks a stream against the size and digest that a descriptor promised.

    Attributes:
        seen_bytes: how much has come.
    """

    __slots__ = ("_digest", "_hash", "_size", "_what", "seen_bytes")

    def __init__(self, digest: str, size: "int | None", what: str) -> None:
        """Begin.

        Args:
            digest: what it shall be.
            size: how long it shall be; None where nobody said.
            what: names it in an error: 'layer "sha256:..."'.
        """
        self._hash = new(split(digest)[0])
        self._digest = digest
        self._size = size
        self._what = what
        self.seen_bytes = 0

    def update(self, data: "bytes | memoryview") -> None:
        """Take the next bytes.

        Raises:
            SpecError: there are more than promised.
        """
        self.seen_bytes += len(data)
        if self._size is not None and self.seen_bytes > self._size:
            raise SpecError(f"{self._what}: longer than the {self._size} bytes that were promised")
        self._hash.update(data)

    def finish(self) -> None:
        """Say that this was all.

        Raises:
            SpecError: it is too short, or its digest is another.
        """
        if self._size is not None and self.seen_bytes != self._size:
            raise SpecError(
                f"{self._what}: {self.seen_bytes} bytes came, {self._size} were promised"
            )
        found = f"{self._digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self._digest:
            raise SpecError(f"{self._what}: what came has the digest {found}, not {self._digest}")
