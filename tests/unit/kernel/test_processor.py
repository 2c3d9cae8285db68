"""What the kernel says of the processor."""

import os
import re

from wardian.kernel import processor


def test_flags_are_those_of_cpuinfo() -> None:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        row = re.search(r"^flags\s*: (.*)$", file.read(), re.MULTILINE)
    is_ours = os.uname().machine == "x86_64" and row is not None
    assert processor.flags() == frozenset(row[1].split() if is_ours and row else ())


def test_a_model_is_one_line() -> None:
    assert "\n" not in processor.model()
