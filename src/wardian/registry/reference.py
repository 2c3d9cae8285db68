"""Parse and print the names of images, as docker does.

    name [":" tag] ["@" digest]     name = [domain "/"] component ("/" component)*

Facts about names
-----------------
The first part is a domain if it holds "." or ":", is "localhost", or has a capital letter; else the
name is one of docker's hub, and one without "/" is below its "library/". A name with neither tag
nor digest means the tag "latest". Where there are both, the digest counts. 64 hexadecimal digits
are no name, since docker takes them for an image's id.

Source: github.com/distribution/reference: grammar in reference.go, defaults in normalize.go.
"""

from wardian.errors import UsageError
from wardian.registry import digests

HUB = "docker.io"
HUB_SERVER = "registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"  # what docker's config.json calls it
LATEST = "latest"

_OLD_HUB = f"index.{HUB}"
_LIBRARY = "library/"
_NAME_MAX = 255
_TAG_MAX = 128

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LETTERS = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WORD = _LETTERS | {"_"}
_TAG = _WORD | {".", "-"}
_HEX = frozenset("0123456789abcdef")


class Reference:
    """An image's name, complete.

    Attributes:
        domain: host, and port if one was said: HUB, "localhost:5000", "[::1]:5000".
        path: the repository on it: "library/alpine".
        tag: or "".
        digest: "sha256:...", or "".
    """

    __slots__ = ("digest", "domain", "path", "tag")

    def __init__(self, domain: str, path: str, tag: str = "", digest: str = "") -> None:
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def target(self) -> str:
        """What stands behind /manifests/ in a request: the digest, else the tag."""
        return self.digest or self.tag

    @property
    def familiar(self) -> str:
        """The repository as people write it: without the hub's domain and "library/"."""
        if self.domain != HUB:
            return self.repository
        short = self.path.removeprefix(_LIBRARY)
        return self.path if "/" in short else short

    def __str__(self) -> str:
        """The whole name; parsing it gives an equal one."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def with_tag(self, tag: str) -> "Reference":
        """Return the same repository under a tag."""
        return Reference(self.domain, self.path, tag)

    def with_digest(self, digest: str) -> "Reference":
        """Return the same repository at a digest."""
        return Reference(self.domain, self.path, "", digest)


def parse(text: str, *, default_tag: str = LATEST) -> Reference:
    """Return the complete name that `text` means.

    Args:
        text: as people write it: "alpine", "localhost:5000/a/b:1.0", "x@sha256:...".
        default_tag: the tag where `text` has neither tag nor digest.

    Raises:
        UsageError: it is no name.
    """
    name, at, digest = text.partition("@")
    if at and digests.fault(digest):
        raise _bad(text, digests.fault(digest))
    slash, colon = name.rfind("/"), name.rfind(":")
    tag = ""
    # Before the last "/" a colon is a port's, and in "[::1]" an address's.
    if colon > slash and not (slash < 0 and name.endswith("]")):
        name, tag = name[:colon], name[colon + 1 :]
        if not is_tag(tag):
            raise _bad(text, f'"{tag}" is not a tag: letters, digits, "_", ".", "-", at most 128')
    domain, path = _split(name)
    fault = _domain_fault(domain) or _path_fault(path)
    if fault:
        raise _bad(text, fault)
    if not tag and not digest:
        tag = default_tag
    return Reference(domain, path, tag, digest)


def is_tag(text: str) -> bool:
    """Say whether `text` can be a tag."""
    return 0 < len(text) <= _TAG_MAX and text[0] in _WORD and _TAG.issuperset(text)


def _split(name: str) -> tuple[str, str]:
    """Return the domain, or the hub's, and the path."""
    first, slash, rest = name.partition("/")
    is_domain = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_domain:
        first, rest = HUB, name
    if first == _OLD_HUB:
        first = HUB
    if first == HUB and "/" not in rest:
        rest = f"{_LIBRARY}{rest}" if rest else rest
    return first, rest


def _domain_fault(domain: str) -> str:
    """Say what is wrong with a host and port, or ""."""
    host, colon, port = domain.partition(":")
    if domain.startswith("["):
        host, bracket, port = domain[1:].partition("]")
        colon, port = port[:1], port[1:]
        fine = bool(bracket and host) and frozenset("0123456789abcdefABCDEF:.").issuperset(host)
        fine = fine and colon in ("", ":")
    else:
        fine = all(_is_label(label) for label in host.split("."))
    if not fine:
        return f'"{domain}" is not a host'
    if colon and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        return f'"{port}" is not a port'
    return ""


def _is_label(label: str) -> bool:
    return (
        bool(label)
        and (_LETTERS | {"-"}).issuperset(label)
        and label[0] != "-"
        and label[-1] != "-"
    )


def _path_fault(path: str) -> str:
    """Say what is wrong with a repository's path, or ""."""
    if not path:
        return "the name is empty"
    if len(path) > _NAME_MAX:
        return f"the name is longer than {_NAME_MAX} letters"
    if path != path.lower():
        return "the name of a repository has no capital letters"
    bare = path.removeprefix(_LIBRARY)
    if len(bare) == 64 and _HEX.issuperset(bare):
        return "64 hexadecimal digits are an id, not a name"
    for component in path.split("/"):
        if not _is_component(component):
            return (
                f'"{component}" is not a part of a name: lower-case letters and digits,'
                ' between them ".", "_", "__" or "-"'
            )
    return ""


def _is_component(component: str) -> bool:
    """Say whether it is [a-z0-9]+ with separators "." "_" "__" or "-"+ in between."""
    if not component or component[0] not in _LOWER or component[-1] not in _LOWER:
        return False
    separator = ""
    for letter in component:
        if letter in _LOWER:
            separator = ""
            continue
        separator += letter
        if separator not in (".", "_", "__") and separator.strip("-"):
            return False
    return True


def _bad(text: str, why: str) -> UsageError:
    shown = text if len(text) <= 300 else f"{text[:300]}..."
    return UsageError(
        f'image name "{shown}": {why}', hint="as in alpine:3.20 or host:5000/team/app@sha256:..."
    )
