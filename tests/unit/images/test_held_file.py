"""Files that tell whether their owner lives."""

import fcntl
import os
from pathlib import Path

import pytest

from wardian import errors
from wardian.images import held_file
from wardian.images.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


def test_it_is_locked_while_it_is_open_and_gone_afterwards(layout: Layout) -> None:
    made = held_file.make(layout, "leases")
    other = os.open(made.path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.close()
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    assert not os.path.exists(made.path)
    made.close()


def test_its_name_may_stay_or_be_gone_already(layout: Layout) -> None:
    made = held_file.make(layout, "ingest", "fresh-")
    made.close(keep=True)
    assert os.path.basename(made.path).startswith("fresh-")
    assert os.path.exists(made.path)
    made = held_file.make(layout, "ingest")
    os.unlink(made.path)
    made.close()


def test_a_folder_that_lacks_is_told(layout: Layout) -> None:
    with pytest.raises(errors.KernelError, match=r'open\(".*/nowhere/'):
        held_file.make(layout, "nowhere")
