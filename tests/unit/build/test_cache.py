"""Keys of steps."""

from wardian.build import cache


def test_equal_inputs_give_equal_keys_and_others_do_not() -> None:
    assert cache.key(a=1, b=["x"]) == cache.key(b=["x"], a=1)
    assert cache.key(a=1) != cache.key(a="1")
