"""Which error ends with which code."""

import pytest

from wardian import errors
from wardian.cli.exit_codes import code_of


@pytest.mark.parametrize(
    ("error", "command", "code"),
    [
        (errors.UsageError("x"), "run", 125),
        (errors.UsageError("x"), "rm", 125),
        (errors.LaunchError("x", exit_code=126), "run", 126),
        (errors.LaunchError("x"), "run", 125),
        (errors.NotFoundError("x"), "run", 125),
        (errors.NotFoundError("x", program=True), "run", 127),
        (errors.NotFoundError("x"), "rm", 1),
        (errors.KernelError("x", 1), "explain", 125),
        (errors.KernelError("x", 1), "diff", 1),
        (OSError(28, "x"), "run", 125),
        (OSError(28, "x"), "kept", 1),
    ],
)
def test_an_error_has_its_code(error: Exception, command: str, code: int) -> None:
    assert code_of(error, command) == code
