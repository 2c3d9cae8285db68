"""Mount options: words to flags, attributes, propagation and data."""

import pytest

from wardian.runtime import mount_options as words
from wardian.runtime.mount_options import MountOptions


def test_words_of_the_kernel_become_flags_and_all_others_data() -> None:
    found = MountOptions(["nosuid", "noexec", "size=1m", "mode=700", "defaults"])
    assert found.flags == words.MS_NOSUID | words.MS_NOEXEC
    assert found.data == ["size=1m", "mode=700"]


def test_a_later_word_takes_an_earlier_one_back() -> None:
    found = MountOptions(["ro", "nosuid", "rw"])
    assert found.flags == words.MS_NOSUID
    assert found.on == words.MOUNT_ATTR_NOSUID
    assert found.off == words.MOUNT_ATTR_RDONLY


@pytest.mark.parametrize("word", ["noatime", "strictatime", "relatime"])
def test_access_times_are_one_of_three_values(word: str) -> None:
    found = MountOptions(["rnoatime", word])
    assert found.off == words.MOUNT_ATTR__ATIME  # mount_setattr(2) wants it cleared to set it
    assert found.on == words.FLAGS[word][1]
    assert found.below_on == words.MOUNT_ATTR_NOATIME


def test_r_words_count_for_the_mounts_below() -> None:
    found = MountOptions(["rbind", "rro", "rnosuid", "rexec"])
    assert (found.bind, found.recursive) == (True, True)
    assert found.below_on == words.MOUNT_ATTR_RDONLY | words.MOUNT_ATTR_NOSUID
    assert found.below_off == words.MOUNT_ATTR_NOEXEC
    assert found.flags == 0


@pytest.mark.parametrize("word", [*words.PROPAGATION, *("r" + one for one in words.PROPAGATION)])
def test_propagation_has_its_own_words(word: str) -> None:
    found = MountOptions([word])
    assert bool(found.propagation & words.MS_REC) == word.startswith("r")
    assert found.propagation & ~words.MS_REC == words.PROPAGATION[word.removeprefix("r")]


def test_no_known_word_is_data() -> None:
    assert MountOptions(words.KNOWN).data == []
    assert MountOptions(["rw,size=1"]).data == ["rw,size=1"]


def test_extensions_are_told_apart() -> None:
    assert MountOptions(["tmpcopyup"]).copy_up
    assert MountOptions(["ridmap"]).idmap == "ridmap"
