"""Many together, or one alone."""

import threading

from wardian.grade.turnstile import Turnstile


def test_many_are_in_together() -> None:
    stile, both = Turnstile(), threading.Barrier(2, timeout=10)

    def work() -> None:
        with stile.shared():
            both.wait()

    other = threading.Thread(target=work)
    other.start()
    work()
    other.join()


def test_nobody_is_beside_one_who_is_alone() -> None:
    stile = Turnstile()
    inside: list[str] = []
    seen: list[list[str]] = []

    def shared() -> None:
        for _round in range(200):
            with stile.shared():
                inside.append("shared")
                inside.remove("shared")

    def alone() -> None:
        for _round in range(50):
            with stile.alone():
                inside.append("alone")
                seen.append(list(inside))
                inside.remove("alone")

    threads = [threading.Thread(target=one) for one in (shared, shared, alone, alone)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert seen == [["alone"]] * 100
