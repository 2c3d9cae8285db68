"""What is remembered of recent runs, and what is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wardian.engine import recent
from wardian.errors import UsageError

Words = list[str] | dict[str, None]


@pytest.fixture
def rootfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A root file system; wardian's own directories beside it."""
    monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path / "wardian"))
    (tmp_path / "root" / "etc").mkdir(parents=True)
    passwd = tmp_path / "root" / "etc" / "passwd"
    passwd.write_text("root:x:0:0::/root:/bin/sh\nann:x:7:7::/home/ann:/bin/sh\n")
    return str(tmp_path / "root")


def test_an_equal_run_has_the_same_plan(rootfs: str) -> None:
    one = recent.assemble(["true"], {"rootfs": rootfs})[1]
    two = recent.assemble(["true"], {"rootfs": rootfs})[1]
    assert two is not one
    assert two.plan is one.plan


def test_another_command_or_option_has_another(rootfs: str) -> None:
    one = recent.assemble(["true"], {"rootfs": rootfs})[1]
    assert recent.assemble(["false"], {"rootfs": rootfs})[1].plan is not one.plan
    other = recent.assemble(["true"], {"rootfs": rootfs, "hostname": "other"})[1]
    assert other.plan.hash != one.plan.hash


def test_a_changed_passwd_is_read_again(rootfs: str) -> None:
    words = {"rootfs": rootfs, "user": "ann"}
    before = recent.assemble(["true"], words)[1].plan
    passwd = Path(rootfs, "etc", "passwd")
    passwd.write_text(passwd.read_text().replace("ann:x:7:7", "ann:x:8:8"))
    after = recent.assemble(["true"], words)[1].plan
    assert before.hash != after.hash


@pytest.mark.parametrize("env", [["COLOUR"], {"COLOUR": None}])
def test_a_variable_taken_from_the_caller_is_taken_each_time(
    env: Words, rootfs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"rootfs": rootfs, "env": env}
    monkeypatch.setenv("COLOUR", "red")
    red = recent.assemble(["true"], words)[0].env
    monkeypatch.setenv("COLOUR", "blue")
    assert (red, recent.assemble(["true"], words)[0].env) == (["COLOUR=red"], ["COLOUR=blue"])


def test_a_command_may_be_an_iterator(rootfs: str) -> None:
    made = recent.assemble(iter(["echo", "hi"]), {"rootfs": rootfs})[0]
    assert made.command == ["echo", "hi"]


def test_two_iterators_that_look_alike_are_not_the_same_words(rootfs: str) -> None:
    class Alike(list[str]):
        def __repr__(self) -> str:  # as two generators have that lie at one address in turn
            return "<generator>"

    def entry(text: str) -> Iterator[str]:
        yield text

    for text in ("A=1", "A=2", "A=3"):
        assert recent.assemble(["true"], {"rootfs": rootfs, "env": entry(text)})[0].env == [text]
        assert recent.assemble(["true"], {"rootfs": rootfs, "env": Alike([text])})[0].env == [text]


def test_an_iterator_s_values_are_checked(rootfs: str) -> None:
    with pytest.raises(UsageError, match="the value is empty"):
        recent.assemble(["true"], {"rootfs": rootfs, "cap_add": iter([""])})
