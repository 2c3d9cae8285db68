"""Umask, processors and personality, as a program in the box sees them."""

import os

import pytest

from tests.conftest import Wardian

pytestmark = pytest.mark.root


def test_a_umask_is_the_program_s(wardian: Wardian) -> None:
    done = wardian("run", "--umask", "027", "--", "sh", "-c", "umask; touch f; stat -c %a f")
    assert done.stdout == "0027\n640\n"


def test_an_affinity_is_what_nproc_counts(wardian: Wardian) -> None:
    last = max(os.sched_getaffinity(0))
    show = "nproc; grep Cpus_allowed_list /proc/self/status"
    done = wardian("run", "--affinity", str(last), "--", "sh", "-c", show)
    assert done.stdout == f"1\nCpus_allowed_list:\t{last}\n"


def test_addresses_stay_where_they_are_and_the_kernel_calls_itself_otherwise(
    wardian: Wardian,
) -> None:
    show = "uname -r; grep stack /proc/self/maps; grep stack /proc/self/maps"
    words = ("--personality", "no-aslr,uname26")
    kernel, *stacks = wardian("run", *words, "--", "sh", "-c", show).stdout.splitlines()
    assert kernel.startswith("2.6.")
    assert len(set(stacks)) == 1


def test_bad_words_are_told(wardian: Wardian) -> None:
    for words in (("--umask", "9"), ("--affinity", "x"), ("--personality", "bsd")):
        done = wardian("run", *words, "--", "true")
        assert done.returncode == 125
        assert done.stderr.startswith(f'wardian: {words[0][2:]} "{words[1]}": ')
