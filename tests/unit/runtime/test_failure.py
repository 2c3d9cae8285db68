"""A failed step is worded: what, on what, why, and what to do."""

import errno

from tests.unit.runtime.specs import plan_of
from wardian import errors
from wardian.runtime import failure
from wardian.runtime.launch import ReportedError
from wardian.runtime.step import Step


def describe(name: str, number: int, detail: str = "") -> errors.LaunchError:
    """The error for a failure of the first step of that name."""
    made = plan_of()
    index = [step.name for step in made.played()].index(name)
    return failure.describe(ReportedError(index, number, detail), made)


def test_a_missing_program_is_127() -> None:
    found = describe("exec", errno.ENOENT)
    assert found.exit_code == 127
    assert 'exec "true"' in str(found)
    assert found.hint


def test_a_program_that_may_not_run_is_126() -> None:
    assert describe("exec", errno.EACCES).exit_code == 126
    assert describe("exec", errno.ENOEXEC).exit_code == 126


def test_other_steps_are_wardian_s_own_failure() -> None:
    found = describe("hostname", errno.EPERM)
    assert found.exit_code == 125
    assert str(found) == 'hostname "wardian": operation not permitted'
    assert found.step == Step("hostname", ("wardian",), "")


def test_the_launcher_s_detail_is_told() -> None:
    assert '("/srv/root")' in str(describe("overlay", errno.ENOENT, '"/srv/root"'))


def test_a_failed_clone_and_an_unreadable_plan_have_words_too() -> None:
    made = plan_of()
    assert str(failure.describe(ReportedError(-1, errno.EAGAIN, ""), made)).startswith("clone3: ")
    unread = failure.describe(ReportedError(10_000, errno.EBADMSG, "the plan can't be read"), made)
    assert "could not read the plan" in str(unread)


def test_a_remedy_is_named_where_there_is_one() -> None:
    assert "--pids-limit" in describe("init", errno.EAGAIN).hint
    assert "mounts below it" in describe("overlay", errno.EINVAL).hint
    assert "--cap-drop" in describe("capabilities", errno.EPERM).hint
