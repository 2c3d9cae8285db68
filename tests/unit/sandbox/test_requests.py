"""A run's arguments are checked before a box is taken."""

from pathlib import Path
from typing import Any

import pytest

from wardian.errors import UsageError
from wardian.sandbox import requests
from wardian.sandbox.limits import Limits


def checked(**words: Any) -> Any:
    """Return a request with these arguments, and usual ones for all others."""
    usual = {"argv": ["true"], "stdin": b"", "files": None, "env": None, "outputs": ()}
    return requests.checked(**{**usual, **words})


@pytest.mark.parametrize(
    "words",
    [
        *({"argv": argv} for argv in (None, 5, [], [""], b"true", [b"true"], ["a\0"], ["\ud800"])),
        *({"stdin": stdin} for stdin in (1.5, ["a"], True, -1, 1 << 40)),
        *({"files": files} for files in (["f"], {"f": None}, {3: b""}, {"../f": b""}, {b"f": b""})),
        *({"env": env} for env in (["A=b"], {"A": 1}, {"A=": "b"}, {"": "b"}, {"A": "\0"})),
        *({"outputs": names} for names in (b"f", [3], 3)),
    ],
    ids=repr,
)
def test_what_is_wrong_is_told(words: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        checked(**words)


def test_what_is_right_is_made_plain() -> None:
    found = checked(
        argv=[Path("a"), "\udcff"],
        stdin=memoryview(b"in"),
        files={"d/f": bytearray(b"x"), "p": Path("/etc/hostname")},
        env={"A": "b=c"},
        outputs="one",
    )
    assert (found.argv, found.stdin, found.outputs) == (["a", "\udcff"], b"in", ("one",))
    assert found.files == {"d/f": b"x", "p": Path("/etc/hostname")}
    assert checked(stdin=None).stdin == b""


def test_bounds_of_one_run_are_never_wider_and_never_without_effect() -> None:
    assert requests.bounds({"wall_s": 99, "cpu_s": 1}, Limits()) == {"wall_s": 10.0, "cpu_s": 1}
    with pytest.raises(UsageError):
        requests.bounds({"memory_bytes": 1 << 24}, Limits())
