"""What is varied, and how words choose it."""

import pytest

from wardian.errors import UnsupportedError, UsageError
from wardian.repro.conditions import CONTROL, Conditions
from wardian.repro.variations import NAMES, VARIATIONS, Surroundings, chosen, vary

HERE = Surroundings(cpus=4)
REPROTEST = """environment build_path kernel aslr num_cpus time user_group fileordering domain_host
 home locales exec_path timezone umask"""


def test_all_of_reprotest_s_variations_are_there_by_their_names() -> None:
    assert all(name in NAMES for name in REPROTEST.split())
    assert len({NAMES[name].name for name in REPROTEST.split()}) == 14


@pytest.mark.parametrize("name", [one.name for one in VARIATIONS])
def test_a_variation_changes_something_and_only_its_own(name: str) -> None:
    now = vary(CONTROL, [NAMES[name]], HERE)
    changed = {
        field
        for field in Conditions.__slots__
        if field != "varied" and getattr(now, field) != getattr(CONTROL, field)
    }
    assert now.varied == (name,)
    assert changed
    others = [one for one in VARIATIONS if one.name != name]
    rest = vary(CONTROL, others, HERE)
    shared = {"env", "path", "clock_s"}  # environment and both of PATH have these in common
    assert all(getattr(rest, field) == getattr(CONTROL, field) for field in changed - shared)


def test_variations_add_up() -> None:
    now = vary(CONTROL, list(VARIATIONS), HERE)
    assert now.path[0] == "/wardian/varied/bin"
    assert (now.umask, now.uid, now.cpus, now.jobs) == (0o077, 65534, 3, 9)
    assert now.environment()["LC_ALL"] == "tr_TR.UTF-8"
    assert now.environment()["MAKEFLAGS"] == "-j9"


def test_a_path_of_the_user_s_is_varied_too() -> None:
    given = CONTROL.but(env=(("PATH", "/a:/b"),))
    assert vary(given, [NAMES["path_order"]], HERE).environment()["PATH"] == "/b:/a"
    assert vary(given, [NAMES["exec_path"]], HERE).environment()["PATH"].startswith("/a:/b:/")


def test_no_words_choose_all_that_has_an_effect() -> None:
    lacking = Surroundings(lacking={"cpus": "one processor"})
    assert len(chosen([], HERE)) == len(VARIATIONS)
    assert {one.name for one in VARIATIONS} - {one.name for one in chosen([], lacking)} == {"cpus"}


def test_words_choose_and_leave_out() -> None:
    assert [one.name for one in chosen(["umask,time-zone"], HERE)] == ["time_zone", "umask"]
    assert len(chosen(["-umask", "-home"], HERE)) == len(VARIATIONS) - 2
    assert len(chosen(["all,-umask"], HERE)) == len(VARIATIONS) - 1


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match='vary "moon"'):
        chosen(["moon"], HERE)
    with pytest.raises(UsageError, match='vary "moon"'):
        chosen(["-moon"], HERE)
    lacking = Surroundings(lacking={"cpus": "this machine has one processor"})
    with pytest.raises(UnsupportedError, match="one processor"):
        chosen(["num_cpus"], lacking)


def test_the_canonical_environment_has_nothing_of_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANG", "xx")
    monkeypatch.setenv("CALLER", "here")
    found = CONTROL.but(epoch_s=12).environment()
    assert (found["LC_ALL"], found["TZ"], found["SOURCE_DATE_EPOCH"]) == ("C.UTF-8", "UTC", "12")
    assert "CALLER" not in found
