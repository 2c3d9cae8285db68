"""What the C library opens at run time, where a program asks it to: accounts, names, locales.

Facts about glibc
-----------------
getpwnam() and getaddrinfo() go by /etc/nsswitch.conf. Since glibc 2.34 "files" and "dns" are in
libc.so.6; before, they are libnss_files.so.2 and libnss_dns.so.2. Locales are in /usr/lib/locale,
in one archive or a directory each; C.UTF-8 too, which only musl has built in. A program that calls
one of these has its name in the table of strings that the loader reads. Python takes C.UTF-8 where
no locale is set.

The accounts are root and nobody, and not this machine's: they are nobody else's business, and would
make another image on another machine.

Source: glibc, nss/, locale/findlocale.c, NEWS of 2.35; PEP 538; nsswitch.conf(5), locale(7),
tzset(3).
"""

import mmap
import os
import re
from typing import TYPE_CHECKING

from wardian.errors import NotFoundError
from wardian.images import tar_headers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wardian.pack.contents import Contents

GROUP = "C library"
NSSWITCH = b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
ACCOUNTS_GROUP = b"root:x:0:\nnogroup:x:65534:\n"

_USES = {
    "accounts": rb"getpw(?:nam|uid|ent)(?:_r)?|getgr(?:nam|gid|ent)(?:_r)?|initgroups|getgrouplist",
    "hosts": rb"getaddrinfo|getnameinfo|gethostby(?:name2?|addr)(?:_r)?",
    "services": rb"getserv(?:byname|byport|ent)(?:_r)?|getproto(?:byname|bynumber|ent)(?:_r)?",
    "iconv": rb"iconv_open",
}
_NAMES = re.compile(
    rb"(?<=\0)(?:"
    + b"|".join(b"(?P<%s>%s)" % (k.encode(), v) for k, v in _USES.items())
    + rb")(?=\0)"
)
_VERSION = re.compile(rb"GNU C Library [^\n]*version (\d+)\.(\d+)")
# Who has these names and calls none of them for a program: libc's own, and libstdc++'s codecvt.
_OWN = re.compile(r"/(lib(c|nss_\w+|resolv|pthread|anl|stdc\+\+)[.-]|ld-)[^/]*$")
_BUILT_IN = ("", "C", "POSIX")


def add(contents: "Contents", env: "Sequence[str]" = ()) -> None:
    """Add what the programs and libraries among the contents will have opened.

    Args:
        contents: what the image holds so far.
        env: the variables that the image sets: LANG, LC_... and TZ ask for files.

    Raises:
        NotFoundError: this machine lacks a locale or time zone that the environment names.
    """
    libc = next((path for path in contents.things if path.endswith("/libc.so.6")), "")
    if not libc:
        return
    source = contents.things[libc].source
    version = _version(str(source))
    used = _used(contents)
    if "accounts" in used:
        contents.data("/etc/passwd", PASSWD, f"{used['accounts']} asks for accounts", GROUP)
        contents.data("/etc/group", ACCOUNTS_GROUP, f"{used['accounts']} asks for accounts", GROUP)
    names = used.get("hosts") or used.get("accounts")
    if names:
        contents.data("/etc/nsswitch.conf", NSSWITCH, f"{names} asks for names", GROUP)
        if version < (2, 34):
            for name in ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"):
                contents.path_of(
                    f"{os.path.dirname(libc)}/{name}", f"{names} asks for names", GROUP
                )
    if "services" in used:
        for path in ("/etc/services", "/etc/protocols"):
            contents.path_of(path, f"{used['services']} asks for services", GROUP)
    if "iconv" in used and not any("/gconv/" in path for path in contents.things):
        contents.note(
            f"{used['iconv']} may convert character sets; converters come along with --trace"
        )
    _locales(contents, env)
    _locale_of_python(contents)


def _version(path: str) -> "tuple[int, int]":
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            found = _VERSION.search(data)
            return (int(found[1]), int(found[2])) if found else (0, 0)
    except (OSError, ValueError):
        return 0, 0


def _used(contents: "Contents") -> "dict[str, str]":
    """Return what is used of the C library, each with one who does."""
    found: dict[str, str] = {}
    for path, thing in sorted(contents.things.items()):
        if thing.kind != tar_headers.FILE or not isinstance(thing.source, str) or _OWN.search(path):
            continue
        for use in _uses(thing.source):
            found.setdefault(use, path)
    return found


def _uses(path: str) -> "Iterator[str]":
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                return
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                yield from {found.lastgroup or "" for found in _NAMES.finditer(data)}
    except (OSError, ValueError):
        return


def _locales(contents: "Contents", env: "Sequence[str]") -> None:
    for entry in env:
        name, _equals, value = entry.partition("=")
        if name == "TZ" and value and not value.startswith((":", "/")) and "/" in value:
            if not contents.path_of(f"/usr/share/zoneinfo/{value}", f"{entry} asks for it", GROUP):
                raise NotFoundError(f'time zone "{value}": not in "/usr/share/zoneinfo"')
        elif (name == "LANG" or name.startswith("LC_")) and value not in _BUILT_IN:
            _locale(contents, value, entry)


def _locale_of_python(contents: "Contents") -> None:
    if any(thing.group == "python" for thing in contents.things.values()):
        try:
            _locale(contents, "C.UTF-8", "Python, without another locale,")
        except NotFoundError:
            pass  # nor has Python it here


def _locale(contents: "Contents", name: str, entry: str) -> None:
    base, dot, codeset = name.partition(".")
    normal = base + dot + codeset.lower().replace("-", "")  # glibc: _nl_normalize_codeset
    for spelling in dict.fromkeys((name, normal)):
        path = f"/usr/lib/locale/{spelling}"
        if os.path.isdir(path):
            contents.tree(path, path, f"{entry} asks for it", GROUP)
            return
    archive = "/usr/lib/locale/locale-archive"
    if os.path.exists(archive):
        contents.path_of(archive, f"{entry} asks for it", GROUP)
        return
    raise NotFoundError(
        f'locale "{name}": not in "/usr/lib/locale"', hint="localedef, or dpkg-reconfigure locales"
    )
