"""Which host is this machine."""

import pytest

from wardian.registry.connections import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.8.7", "[::1]", "a.localhost"])
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["host.example", "128.0.0.1", "127.evil.example", "1127.0.0.1"])
def test_another_machine_is_not_this_one(host: str) -> None:
    assert not is_loopback(host)
