"""What the machine offers to vary."""

import time

from wardian.repro import surroundings


def test_the_kernel_s_clock_is_ours_where_nobody_fakes_it() -> None:
    assert abs(surroundings.kernel_time_ns() - time.time_ns()) < 5e9


def test_places_for_copies_allow_programs() -> None:
    assert surroundings.places()
