"""Labels, scheduling, personality and memory policy as steps."""

import struct

from tests.unit.runtime.specs import small_spec
from wardian.runtime import process_attributes
from wardian.runtime.step import Step


def late(**process: object) -> list[Step]:
    spec = small_spec()
    spec["process"].update(process)
    return list(process_attributes.late(spec))  # type: ignore[arg-type]


def test_labels_go_through_the_proc_that_is_named() -> None:
    process = {"oomScoreAdj": 100, "apparmorProfile": "box", "selinuxLabel": "a:b:c"}
    paths = [step.args for step in process_attributes.early(process, ".")]  # type: ignore[arg-type]
    assert paths == [
        ("./self/oom_score_adj", "100"),
        ("./self/attr/apparmor/exec", "exec box"),
        ("./self/attr/exec", "a:b:c"),
    ]


def test_a_scheduler_is_the_kernel_s_struct() -> None:
    asked = {"policy": "SCHED_FIFO", "priority": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    (step,) = late(scheduler=asked)
    size, policy, flags, _nice, priority, *_rest = struct.unpack("=IIQiIQQQ", step.args[0])  # type: ignore[arg-type]
    assert (size, policy, flags, priority) == (48, 1, 1, 5)


def test_io_priority_is_class_and_level_in_one_number() -> None:
    (step,) = late(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 3})
    assert step.args == (2 << 13 | 3,)


def test_an_affinity_is_whole_words_of_bits() -> None:
    assert process_attributes.affinity("0,65", "").args == ((1 | 1 << 65).to_bytes(16, "little"),)


def test_personality_and_memory_policy_are_the_container_s() -> None:
    spec = small_spec()
    spec["linux"]["personality"] = {"domain": "LINUX32"}
    spec["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    row = list(process_attributes.late(spec))  # type: ignore[arg-type]
    assert row[0].args == (8,)
    assert row[1].args == (2, (1).to_bytes(8, "little") + bytes(8))
