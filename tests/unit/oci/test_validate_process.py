"""A process makes sense: strings that fit exec, limits and scheduling that the kernel takes."""

from typing import Any

import pytest

from tests import oci_configs
from wardian.errors import SpecError
from wardian.oci import validate


def process(**fields: Any) -> Any:
    return {"args": ["true"], "cwd": "/", **fields}


def fault(**fields: Any) -> str:
    with pytest.raises(SpecError) as caught:
        validate.check_process(process(**fields))
    return str(caught.value)


def test_there_is_a_program() -> None:
    assert fault(args=[]) == "args: needs the program at least"
    assert fault(args=None) == "args: is missing"
    assert fault(cwd=None) == "cwd: is missing"
    assert fault(cwd="") == 'cwd: must be a string that is not empty, not ""'
    assert fault(cwd="tmp") == 'cwd: must be an absolute path, not "tmp"'


def test_a_user_may_be_left_out_and_parts_of_it_too() -> None:
    assert validate.check_process(process()) == process()
    assert validate.check_process(process(user={"uid": 5})) == process(user={"uid": 5})
    assert "from 0 to 4294967294" in fault(user={"uid": 2**32 - 1})
    assert "from 0 to 511" in fault(user={"umask": 0o1000})
    assert fault(user={"additionalGids": [1, -1]}).startswith("user.additionalGids[1]: ")


def test_a_variable_has_a_name_and_a_value() -> None:
    fine = ["A=", "A=b=c", "a b=c", "É=x", " =x"]
    assert validate.check_process(process(env=fine))["env"] == fine
    for pair in ("A", "", "=x", "="):
        assert fault(env=["OK=1", pair]) == f'env[1]: must be NAME=VALUE, not "{pair}"'


def test_one_string_may_be_as_long_as_exec_takes() -> None:
    fits = "A=" + "x" * (131071 - 2)
    assert validate.check_process(process(env=[fits]))["env"] == [fits]
    assert fault(env=["B=", fits + "x"]) == "env[1]: is longer than the 131071 bytes of exec"
    assert fault(args=["true", "é" * 65536]) == "args[1]: is longer than the 131071 bytes of exec"


def test_all_strings_together_may_be_as_large_as_exec_takes() -> None:
    many = [f"N{number}=" + "x" * 40 for number in range(100_000)]
    assert len(validate.check_process(process(env=many))["env"]) == 100_000
    more = [f"N{number}=" + "x" * 80 for number in range(100_000)]
    assert fault(env=more).endswith("bytes, more than the 6 MiB of exec")


def test_an_rlimit_stands_once_and_soft_is_not_above_hard() -> None:
    core = {"type": "RLIMIT_CORE", "soft": 1, "hard": 2**64 - 1}
    assert validate.check_process(process(rlimits=[core]))["rlimits"] == [core]
    twice = [core, core]
    assert fault(rlimits=twice) == "rlimits[1].type: RLIMIT_CORE stands twice"
    above = {"type": "RLIMIT_CORE", "soft": 3, "hard": 2}
    assert fault(rlimits=[above]) == "rlimits[0].soft: 3 is above the hard limit 2"
    assert fault(rlimits=[{**core, "type": "RLIMIT_CORES"}]) == (
        'rlimits[0].type: unknown word "RLIMIT_CORES", did you mean "RLIMIT_CORE"?'
    )
    assert fault(rlimits=[{"type": "RLIMIT_CORE", "soft": 1}]) == "rlimits[0].hard: is missing"
    assert fault(rlimits=[{"type": "RLIMIT_CORE", "hard": 1}]) == "rlimits[0].soft: is missing"
    assert "rlimits[0].hard" in fault(rlimits=[{**core, "hard": 2**64}])


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        ({"policy": "SCHED_OTHER", "priority": 5}, "priority: is for SCHED_FIFO and SCHED_RR"),
        ({"policy": "SCHED_FIFO"}, "priority: must be from 1 to 99"),
        ({"policy": "SCHED_RR", "priority": 0}, "priority: must be from 1 to 99"),
        ({"policy": "SCHED_RR", "priority": 100}, "priority: must be from 0 to 99"),
        ({"policy": "SCHED_BATCH", "period": 5}, "are for SCHED_DEADLINE"),
        ({"policy": "SCHED_DEADLINE"}, "needs 0 < runtime <= deadline <= period"),
        ({"policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 4}, "needs 0 < runtime"),
        ({"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 4, "period": 3}, "needs 0 <"),
        ({"policy": "SCHED_OTHER", "nice": 20}, "nice: must be from -20 to 19"),
        ({"policy": "SCHED_NORMAL"}, "policy: unknown word"),
        ({"policy": "SCHED_IDLE", "flags": ["SCHED_FLAG"]}, "flags[0]: unknown word"),
        ({"nice": 1}, "policy: is missing"),
    ],
)
def test_a_scheduler_is_what_the_kernel_takes(scheduler: Any, words: str) -> None:
    assert fault(scheduler=scheduler).startswith("scheduler")
    assert words in fault(scheduler=scheduler)


@pytest.mark.parametrize(
    "scheduler",
    [
        {"policy": "SCHED_OTHER", "nice": -20, "priority": 0},
        {"policy": "SCHED_FIFO", "priority": 99, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        {"policy": "SCHED_DEADLINE", "runtime": 1024, "deadline": 1024},
        {"policy": "SCHED_DEADLINE", "runtime": 1024, "deadline": 1024, "period": 1024},
    ],
)
def test_a_good_scheduler_comes_back(scheduler: Any) -> None:
    assert validate.check_process(process(scheduler=scheduler))["scheduler"] == scheduler


def test_io_priority_has_a_class_and_a_level() -> None:
    assert fault(ioPriority={"class": "IOPRIO_CLASS_BE"}) == "ioPriority.priority: is missing"
    assert "from 0 to 7" in fault(ioPriority={"class": "IOPRIO_CLASS_RT", "priority": 8})
    assert "unknown word" in fault(ioPriority={"class": "IOPRIO_CLASS_NONE", "priority": 0})


def test_an_oom_score_has_the_kernel_s_bounds() -> None:
    assert validate.check_process(process(oomScoreAdj=-1000))["oomScoreAdj"] == -1000
    assert fault(oomScoreAdj=1001) == "oomScoreAdj: must be from -1000 to 1000, not 1001"


def test_an_affinity_is_a_list_of_processors() -> None:
    fine = {"initial": "0-3,7", "final": ""}
    assert validate.check_process(process(execCPUAffinity=fine))["execCPUAffinity"] == fine
    assert fault(execCPUAffinity={"final": "3-1"}) == (
        'execCPUAffinity.final: no list of processors: "3-1" runs backwards'
    )
    assert "execCPUAffinity.initial" in fault(execCPUAffinity={"initial": "all"})


def test_a_capability_that_no_kernel_has_is_a_warning_and_gone() -> None:
    """config.md: MUST be logged as a warning; runtimes SHOULD NOT fail."""
    known = oci_configs.DOCKER_CAPABILITIES
    asked = {
        "bounding": [*known, "CAP_FLY", "cap_chown"],
        "ambient": ["CAP_\n"],
        "permitted": known,
    }
    warnings: list[str] = []
    found = validate.check_process(process(capabilities=asked), warnings)
    assert found["capabilities"] == {"bounding": known, "ambient": [], "permitted": known}
    assert warnings == [
        "unknown capabilities in bounding are ignored: CAP_FLY, cap_chown",
        r"unknown capabilities in ambient are ignored: CAP_\n",
    ]
    assert fault(capabilities={"bounding": [5]}) == (
        "capabilities.bounding[0]: must be a string, not 5"
    )
