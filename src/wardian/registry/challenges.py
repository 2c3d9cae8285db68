"""Read a WWW-Authenticate header.

    Bearer realm="https://auth.example/token",service="registry",scope="repository:x:pull"
    Basic realm="registry"

Source: RFC 9110 section 11.6.1; distribution, spec/auth/token.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~")
_HEADER_MAX = 16 << 10


class Challenge:
    """One way to authenticate.

    Attributes:
        scheme: "bearer", "basic" ..., in lower case.
        parameters: what stands behind it, names in lower case.
    """

    __slots__ = ("parameters", "scheme")

    def __init__(self, scheme: str, parameters: "dict[str, str]") -> None:
        self.scheme = scheme
        self.parameters = parameters


def choose(headers: "Iterable[str]") -> "Challenge | None":
    """Return what we can answer: a bearer challenge before a basic one; None for neither.

    Args:
        headers: the values of all WWW-Authenticate headers.
    """
    found: dict[str, Challenge] = {}
    for header in headers:
        for challenge in parse(header[:_HEADER_MAX]):
            found.setdefault(challenge.scheme, challenge)
    return found.get("bearer") or found.get("basic")


def parse(header: str) -> "list[Challenge]":
    """Return the challenges of one header; what can't be read ends the list."""
    found: list[Challenge] = []
    rest = header.strip(" \t,")
    while rest:
        word, rest = _word(rest)
        if not word:
            break
        if rest.startswith("=") and found:
            value, rest = _value(rest[1:].lstrip())
            found[-1].parameters[word.lower()] = value
        else:
            found.append(Challenge(word.lower(), {}))
        rest = rest.lstrip(" \t,")
    return found


def _word(text: str) -> tuple[str, str]:
    end = 0
    while end < len(text) and text[end] in _TOKEN:
        end += 1
    return text[:end], text[end:].lstrip(" \t")


def _value(text: str) -> tuple[str, str]:
    """Return a token or a quoted string, and what follows it."""
    if not text.startswith('"'):
        return _word(text)
    letters: list[str] = []
    at = 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
        letters.append(text[at : at + 1])
        at += 1
    return "".join(letters), text[at + 1 :]
