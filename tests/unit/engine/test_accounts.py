"""--user means what docker means by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import errors
from wardian.engine import accounts

PASSWD = b"""root:x:0:0:root:/root:/bin/bash
# comment:x:1:1::/:
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash
twin:x:1000:1001::relative:/bin/sh
42:x:77:77::/named:/bin/sh
broken:x:abc:1::/:/bin/sh
huge:x:4294967296:1::/:/bin/sh
short:x:5
+nis::::::
"""
GROUP = b"""root:x:0:
daemon:x:1:
www-data:x:33:alice
audio:x:29:alice,daemon
video:x:44:alice
alice:x:1000:
"""


def read(path: str) -> bytes | None:
    return {"/etc/passwd": PASSWD, "/etc/group": GROUP}.get(path)


def nothing(path: str) -> bytes | None:
    return None


@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        ("", (0, 0, (), "/root", "root")),
        ("root", (0, 0, (), "/root", "root")),
        ("daemon", (1, 1, (29,), "/usr/sbin", "daemon")),
        ("alice", (1000, 1000, (33, 29, 44), "/home/alice", "alice")),
        ("1000", (1000, 1000, (33, 29, 44), "/home/alice", "alice")),
        ("alice:audio", (1000, 29, (), "/home/alice", "alice")),
        ("alice:29", (1000, 29, (), "/home/alice", "alice")),
        ("alice:5555", (1000, 5555, (), "/home/alice", "alice")),
        ("5555", (5555, 0, (), "/", "")),
        ("5555:video", (5555, 44, (), "/", "")),
        (":video", (0, 44, (), "/root", "root")),
        ("alice:", (1000, 1000, (33, 29, 44), "/home/alice", "alice")),
        ("twin", (1000, 1001, (), "/", "twin")),
        ("42", (77, 77, (), "/named", "42")),
        ("2147483647", (2147483647, 0, (), "/", "")),
    ],
)
def test_user_and_group(user: str, wanted: tuple[object, ...]) -> None:
    found = accounts.resolve(user, read)
    assert (found.uid, found.gid, found.groups, found.home, found.name) == wanted


def test_a_box_without_passwd_has_numbers() -> None:
    found = accounts.resolve("1000:1000", nothing)
    assert (found.uid, found.gid, found.home) == (1000, 1000, "/")
    assert accounts.resolve("", nothing).uid == 0


def test_more_groups_are_names_or_numbers() -> None:
    found = accounts.resolve("alice", read, group_add=["video", "999", "root"])
    assert found.groups == (33, 29, 44, 999, 0)


@pytest.mark.parametrize(
    ("user", "message", "hint"),
    [
        ("alise", 'user "alise": no such user', '"alice"'),
        ("zzz", 'user "zzz": no such user', "a number needs no entry"),
        ("alice:vidoe", 'group "vidoe": no such group', '"video"'),
        ("broken", 'user "broken"', ""),
        ("nis", 'user "nis"', ""),
        ("-1", 'user "-1" is out of range', "2147483647"),
        ("2147483648", "is out of range", ""),
        ("99999999999999999999999", "is out of range", ""),
        ("alice:-5", 'group "-5" is out of range', ""),
    ],
)
def test_what_does_not_exist_is_named(user: str, message: str, hint: str) -> None:
    with pytest.raises(errors.UsageError, match=message) as caught:
        accounts.resolve(user, read)
    assert hint in caught.value.hint


def test_a_name_in_a_box_without_passwd_has_a_remedy() -> None:
    with pytest.raises(errors.UsageError) as caught:
        accounts.resolve("alice", nothing)
    assert "give a number" in caught.value.hint


def test_a_line_whose_numbers_are_broken_never_means_root() -> None:
    with pytest.raises(errors.UsageError):
        accounts.resolve("mallory", lambda _path: b"mallory:x::0::/:\nmallory:x:0x0:0::/:\n")


@given(st.binary(max_size=300), st.binary(max_size=300), st.text(max_size=20))
def test_any_files_and_words_give_an_account_or_our_error(
    passwd: bytes, group: bytes, user: str
) -> None:
    try:
        found = accounts.resolve(user, {"/etc/passwd": passwd, "/etc/group": group}.get)
    except errors.UsageError:
        return
    assert 0 <= found.uid <= accounts.ID_MAX
    assert 0 <= found.gid <= accounts.ID_MAX
    assert found.home.startswith("/")


@given(st.lists(st.tuples(st.text("ab:,\n0", max_size=4), st.integers(-5, 1 << 33)), max_size=5))
def test_lines_of_any_shape_are_passed_over(rows: list[tuple[str, int]]) -> None:
    data = "".join(f"{name}:x:{number}:{number}::/:\n" for name, number in rows).encode()
    assert accounts.resolve("7:7", lambda _path: data).uid == 7
