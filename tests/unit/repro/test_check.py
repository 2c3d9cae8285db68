"""The check itself, with runs that are functions."""

import itertools

import pytest

from wardian.errors import LaunchError
from wardian.repro.check import Report, check
from wardian.repro.conditions import Conditions
from wardian.repro.outputs import EXIT_CODE, Entry, Outputs


def made(text: object) -> Entry:
    return Entry(kind="file", digest=str(text))


def causes(report: Report) -> dict[str, list[tuple[str, ...]]]:
    return {one.path: one.causes for one in report.differences}


def test_two_runs_are_enough_where_all_is_the_same() -> None:
    report = check(lambda _now: {"out": made(1)})
    assert (report.is_reproducible, report.runs, report.same) == (True, 2, ["out"])


def test_a_difference_is_shown_as_its_cause_alone_makes_it() -> None:
    def run(now: Conditions) -> Outputs:
        return {"out": made(now.time_zone), "same": made(0)}

    (one,) = check(run).differences
    assert one.causes == [("time_zone",)]
    assert one.control == made("UTC")
    assert one.varied == made("GMT-14")
    assert one.varied_conditions.varied == ("time_zone",)


def test_what_differs_by_itself_is_blamed_on_nothing() -> None:
    count = itertools.count()
    report = check(lambda now: {"out": made(next(count)), "zone": made(now.time_zone)})
    assert causes(report) == {"out": [], "zone": [("time_zone",)]}
    assert report.differences[0].by_itself


def test_what_differs_now_and_then_is_blamed_on_nothing_either() -> None:
    # The first run once more is the same by luck; whatever is varied, every second run differs.
    luck = iter([0, 1, 0, *[1, 0, 1] * 30])
    report = check(lambda now: {"race": made(next(luck)), "both": made(now.umask)})
    assert causes(report) == {"both": [("umask",)], "race": []}


def test_what_two_variations_cause_together_stays_so() -> None:
    def run(now: Conditions) -> Outputs:
        return {"out": made(now.umask == 0o077 and now.time_zone != "UTC")}

    assert causes(check(run)) == {"out": [("time_zone", "umask")]}


def test_an_output_that_comes_and_goes_is_a_difference() -> None:
    def run(now: Conditions) -> Outputs:
        return {} if now.umask == 0o077 else {"out": made(1)}

    (one,) = check(run).differences
    assert (one.causes, one.varied) == ([("umask",)], None)


def test_a_failure_in_the_canonical_world_ends_the_check() -> None:
    with pytest.raises(LaunchError, match="with exit code 7"):
        check(lambda _now: {EXIT_CODE: Entry(kind="other", digest="7")})


def test_modes_count_as_git_counts_them_unless_asked_for() -> None:
    def run(now: Conditions) -> Outputs:
        return {"out": Entry(kind="file", digest="", mode=0o666 & ~now.umask)}

    assert check(run).is_reproducible
    assert causes(check(run, modes=True)) == {"out": [("umask",)]}


def test_progress_tells_what_is_run() -> None:
    told: list[tuple[str, int]] = []
    check(lambda _now: {}, progress=lambda words, runs: told.append((words, runs)))
    assert told == [("control", 0), ("all varied", 1)]
