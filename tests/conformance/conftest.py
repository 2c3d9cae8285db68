"""A container for each test, which is gone when the test is over."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.boxes import Box, requires_runtime
from tests.machine import requires


@pytest.fixture
def box(busybox_root: Path) -> Iterator[Box]:
    """A bundle that is ready; what a test leaves is deleted, and nothing stays behind.

    Its directory is one that every user may enter: pytest's own is closed to mapped ids.
    """
    requires("root")
    requires_runtime()
    directory = Path(tempfile.mkdtemp(prefix="conformance-"))
    directory.chmod(0o755)
    one = Box(directory, busybox_root)
    yield one
    one.delete("--force")
    assert one.leftovers() == []
    shutil.rmtree(directory)
