"""Configs of packed images."""

import pytest

from wardian import errors
from wardian.pack import image


def test_an_entrypoint_is_a_list_or_words_of_a_shell() -> None:
    assert image.words('["/a", "b c"]') == ["/a", "b c"]
    assert image.words("/a 'b c'") == ["/a", "b c"]
    assert image.words("") == []
    for wrong in ("[1]", "[", "'open"):
        with pytest.raises(errors.UsageError, match="entrypoint"):
            image.words(wrong)
