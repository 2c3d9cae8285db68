"""Find the user and groups that --user names, in the box's own /etc/passwd and /etc/group.

The rules are docker's: a name must exist; a number needs no entry, has group 0 and the home "/"
then; the first entry that matches counts; a group that is named takes away the additional groups.
One thing differs: a line whose numbers can't be read is passed over (docker takes them for 0).

Kernel: credentials(7), passwd(5), group(5).
"""

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[str], bytes | None]

PASSWD = "/etc/passwd"  # noqa: S105 - a path
GROUP = "/etc/group"
ID_MAX = (1 << 31) - 1  # docker's bound; the kernel's -1 means "no id"
_GROUPS_MAX = 65536  # NGROUPS_MAX


class Account:
    """Who runs the program.

    Attributes:
        uid, gid: the ids inside the box.
        groups: the additional groups.
        home: the home directory, "/" where none is known.
        name: the user's name, "" where none is known.
    """

    __slots__ = ("gid", "groups", "home", "name", "uid")

    def __init__(
        self, *, uid: int, gid: int, groups: "tuple[int, ...]", home: str, name: str
    ) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home
        self.name = name

    def __repr__(self) -> str:
        return (
            f"Account(uid={self.uid}, gid={self.gid}, groups={self.groups}, "
            f"home={self.home!r}, name={self.name!r})"
        )


def resolve(user: str, read: "Reader", *, group_add: "tuple[str, ...] | list[str]" = ()) -> Account:
    """Return the account that "NAME|UID[:GROUP|GID]" means; "" is root.

    Args:
        user: docker's --user.
        read: returns the content of a file of the box, or None where it lacks.
        group_add: further groups, each a name or a number (docker's --group-add).

    Raises:
        UsageError: the box has no such user or group, or the number is out of range.
    """
    wanted, _colon, wanted_group = user.partition(":")
    account = _user(wanted, read)
    if wanted_group:
        account.gid = _group(wanted_group, read)
    elif account.name:
        account.groups = _groups_of(account.name, account.gid, read)
    for word in group_add:
        number = _group(word, read)
        if number not in account.groups:
            account.groups += (number,)
    return account


def _user(wanted: str, read: "Reader") -> Account:
    number = 0 if not wanted else _number(wanted, "user")
    names: list[str] = []
    for fields in _entries(read(PASSWD), 7):
        name, uid, gid = fields[0], _id(fields[2]), _id(fields[3])
        if uid is None or gid is None:
            continue
        names.append(name)
        if (wanted and name == wanted) or uid == number:
            home = fields[5] if fields[5].startswith("/") else "/"
            return Account(uid=uid, gid=gid, groups=(), home=home, name=name)
    if number is None:
        raise _unknown("user", wanted, names, PASSWD)
    return Account(uid=number, gid=0, groups=(), home="/", name="")


def _group(wanted: str, read: "Reader") -> int:
    number = _number(wanted, "group")
    names: list[str] = []
    for fields in _entries(read(GROUP), 4):
        gid = _id(fields[2])
        if gid is None:
            continue
        names.append(fields[0])
        if fields[0] == wanted or gid == number:
            return gid
    if number is None:
        raise _unknown("group", wanted, names, GROUP)
    return number


def _groups_of(name: str, gid: int, read: "Reader") -> "tuple[int, ...]":
    """Return the groups that list this user as a member, but for its first group."""
    found: dict[int, None] = {}
    for fields in _entries(read(GROUP), 4):
        number = _id(fields[2])
        if number is None or number == gid:
            continue
        if name in fields[3].split(",") and len(found) < _GROUPS_MAX:
            found[number] = None
    return tuple(found)


def _entries(data: "bytes | None", count: int) -> "Iterator[list[str]]":
    """Yield the lines that have `count` fields; others, and NIS's "+" lines, are no accounts."""
    for line in (data or b"").split(b"\n"):
        if line[:1] in (b"", b"#", b"+", b"-"):
            continue
        fields = line.decode("utf-8", "surrogateescape").split(":")
        if len(fields) == count and fields[0] and "\0" not in fields[0]:
            yield [field.strip() for field in fields]


def _id(word: str) -> "int | None":
    if not word.isascii() or not word.isdigit() or len(word) > 10:
        return None
    number = int(word)
    return number if number <= ID_MAX else None


def _number(word: str, what: str) -> "int | None":
    """Return the number that `word` is, or None for a name."""
    digits = word[1:] if word[:1] in ("-", "+") else word
    if not digits.isascii() or not digits.isdigit():
        return None
    number = _id(word)
    if number is None:
        raise errors.UsageError(
            f'{what} "{word}" is out of range', hint=f"ids go from 0 to {ID_MAX}"
        )
    return number


def _unknown(what: str, wanted: str, names: "list[str]", path: str) -> errors.UsageError:
    from difflib import get_close_matches

    near = get_close_matches(wanted, names, n=3)
    if near:
        hint = f"{path} of the box has " + ", ".join(f'"{name}"' for name in near)
    elif names:
        hint = (
            f"none of {len(names)} names in {path} of the box is like it; a number needs no entry"
        )
    else:
        hint = f"{path} of the box names nobody; give a number"
    return errors.UsageError(f'{what} "{wanted}": no such {what} in the box', hint=hint)
