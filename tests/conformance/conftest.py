"""A container for each test, which is gone when the test is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.boxes import Box, requires_runtime
from tests.machine import requires


@pytest.fixture
def box(tmp_path: Path, busybox_root: Path) -> Iterator[Box]:
    """A bundle that is ready; what a test leaves is deleted, and nothing stays behind."""
    requires("root")
    requires_runtime()
    one = Box(tmp_path, busybox_root)
    yield one
    one.delete("--force")
    assert one.leftovers() == []
