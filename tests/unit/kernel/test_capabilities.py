"""Names, numbers and masks of capabilities."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import UsageError
from wardian.kernel import capabilities


def test_every_number_up_to_checkpoint_restore_has_a_name() -> None:
    assert len(capabilities.NAMES) == 41
    assert capabilities.NAMES[0] == "CAP_CHOWN"
    assert capabilities.NAMES[21] == "CAP_SYS_ADMIN"
    assert capabilities.NAMES[40] == "CAP_CHECKPOINT_RESTORE"
    for place, name in enumerate(capabilities.NAMES):
        assert getattr(capabilities, name) == place


@pytest.mark.parametrize(
    "word", ["NET_RAW", "net_raw", "CAP_NET_RAW", "cap_net_raw", "Cap_Net_Raw"]
)
def test_a_capability_may_be_spelled_in_any_case_with_or_without_prefix(word: str) -> None:
    assert capabilities.number(word) == 13


def test_a_typo_names_the_word_and_the_close_match() -> None:
    with pytest.raises(UsageError, match='"NET_ROW"') as caught:
        capabilities.number("NET_ROW")
    assert "CAP_NET_RAW" in caught.value.hint


@pytest.mark.parametrize("word", ["", "CAP_", "ALL", "13", "NET_RAW ", "\u0130"])
def test_what_is_no_name_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        capabilities.number(word)


@given(st.sets(st.sampled_from(capabilities.NAMES)))
def test_names_and_mask_undo_each_other(chosen: set[str]) -> None:
    mask = capabilities.mask(chosen)
    assert set(capabilities.names(mask)) == chosen
    assert mask.bit_count() == len(chosen)


def test_bits_without_a_name_are_spelled_by_number() -> None:
    assert capabilities.names(1 << 60 | 1) == ["CAP_CHOWN", "60"]


def test_the_running_kernel_knows_at_least_the_old_capabilities() -> None:
    assert capabilities.last() >= capabilities.CAP_AUDIT_READ


def test_what_we_may_hand_on_is_within_what_the_kernel_knows() -> None:
    assert capabilities.own() >> (capabilities.last() + 1) == 0


def test_what_we_may_hand_on_is_permitted_and_in_the_bounding_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapInh:\t0f\nCapPrm:\t07\nCapEff:\t01\nCapBnd:\t0e\n")
    monkeypatch.setattr(capabilities, "_STATUS_PATH", str(status))
    assert capabilities.own() == 0x6
