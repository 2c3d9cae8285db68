"""A change of limits: what is sent counts, what is not sent stays."""

from wardian.runtime import updates

OLD = {
    "memory": {"limit": 100, "swap": 200},
    "cpu": {"quota": 50000, "period": 100000, "burst": 1000},
    "devices": [{"allow": False, "access": "rwm"}],
}


def test_what_is_left_out_null_or_zero_stays() -> None:
    sent = {"memory": {"limit": 150, "swap": 0, "reservation": None}, "cpu": None, "pids": {}}
    after, changed = updates.merge(OLD, sent)
    assert after["memory"] == {"limit": 150, "swap": 200}
    assert after["cpu"] == OLD["cpu"]
    assert changed == {"memory": {"limit": 150, "swap": 200}}


def test_zero_is_a_value_where_the_kernel_has_it_so() -> None:
    after, _changed = updates.merge(OLD, {"cpu": {"burst": 0, "quota": 0}})
    assert after["cpu"] == {"quota": 50000, "period": 100000, "burst": 0}


def test_devices_are_not_changed_and_lists_are_replaced() -> None:
    throttles = [{"major": 8, "minor": 0, "rate": 5}]
    sent = {"devices": [{"allow": True, "access": "r"}], "blockIO": {"throttle": throttles}}
    after, changed = updates.merge(OLD, sent)
    assert after["devices"] == OLD["devices"]
    assert changed == {"blockIO": {"throttle": throttles}}


def test_the_old_document_is_left_alone() -> None:
    before = repr(OLD)
    updates.merge(OLD, {"memory": {"limit": 7}})
    assert repr(OLD) == before
    assert updates.merge(None, None) == ({}, {})
