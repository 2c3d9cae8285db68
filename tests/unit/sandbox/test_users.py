"""The users of boxes: no two that live have the same id."""

import subprocess
import sys
from pathlib import Path

import pytest

from wardian.errors import HostError
from wardian.sandbox.users import BLOCK, Users

OTHER = """
import sys
from wardian.sandbox.users import Users
users = Users(1000, 4096, sys.argv[1])
print(*[users.take() for _ in range(int(sys.argv[2]))], flush=True)
sys.stdin.read()
"""


def test_an_id_is_lent_again_only_when_it_was_given_back(tmp_path: Path) -> None:
    users = Users(1000, 4 * BLOCK, str(tmp_path / "users"))
    taken = [users.take() for _ in range(4 * BLOCK)]
    assert sorted(taken) == list(range(1000, 1000 + 4 * BLOCK))
    with pytest.raises(HostError, match="every user"):
        users.take()
    users.give_back(taken[7])
    assert users.take() == taken[7]


def test_an_id_that_was_given_back_is_not_the_next(tmp_path: Path) -> None:
    users = Users(1000, 4 * BLOCK, str(tmp_path / "users"))
    seen = set()
    for _ in range(BLOCK):
        one = users.take()
        seen.add(one)
        users.give_back(one)
    assert len(seen) == BLOCK


def test_processes_of_the_machine_have_different_ones(tmp_path: Path) -> None:
    path = str(tmp_path / "users")
    words = [sys.executable, "-c", OTHER, path, str(BLOCK + 1)]
    others = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    taken: list[int] = []
    for other in others:
        assert other.stdout is not None
        taken += map(int, other.stdout.readline().split())
    mine = Users(1000, 4096, path)
    taken += [mine.take() for _ in range(4096 - 6 * BLOCK)]
    assert len(set(taken)) == 3 * (BLOCK + 1) + 4096 - 6 * BLOCK
    with pytest.raises(HostError):
        mine.take()
    others[0].kill()  # what it held is free, without a word
    others[0].communicate()
    assert mine.take() not in taken[BLOCK + 1 :]
    for other in others[1:]:
        other.communicate("")
    mine.forget()


def test_few_ids_are_lent_one_by_one(tmp_path: Path) -> None:
    users = Users(5, 3, str(tmp_path / "users"))
    assert sorted(users.take() for _ in range(3)) == [5, 6, 7]
