"""What goes into the box for a call."""

import math
import pickle
import threading

import pytest

from tests.unit.grade import problems
from wardian.errors import UsageError
from wardian.functions import call


def test_a_function_of_ours_brings_its_package() -> None:
    files = call.files_for(problems.result, ("a",), {})
    assert ".call/modules/tests/unit/grade/problems.py" in files
    assert not [name for name in files if "modules/wardian" in name]
    assert not [name for name in files if "pytest" in name or "modules/json" in name]
    pickled = files[".call/call.pickle"]
    assert isinstance(pickled, bytes)
    assert pickle.loads(pickled) == (problems.result, ("a",), {})


def test_a_function_of_the_standard_library_brings_nothing() -> None:
    files = call.files_for(math.sqrt, (2,), {})
    assert set(files) == {".call/driver.py", ".call/plain_data.py", ".call/call.pickle"}


def test_a_function_in_a_function_is_refused_with_a_hint() -> None:
    with pytest.raises(UsageError, match="can't be pickled") as caught:
        call.files_for(lambda: 1, (), {})
    assert "a function of a module can be" in caught.value.hint
    with pytest.raises(UsageError, match="can't be pickled"):
        call.files_for(len, (threading.Lock(),), {})
