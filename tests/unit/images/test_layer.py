"""Layers are found by their diff ids."""

import pytest

from wardian import errors
from wardian.images import layer, layers


@pytest.mark.parametrize(
    "diff_id",
    [
        "",
        "sha256:",
        "sha256:" + "A" * 64,
        "md5:" + "a" * 32,
        "sha256:" + "a" * 63,
        "../../x",
        "sha256:" + "/" * 64,
    ],
)
def test_what_is_no_digest_finds_nothing(diff_id: str, tmp_path: object) -> None:
    with pytest.raises(errors.SpecError, match="is not the digest of a layer"):
        layers.find_layer(diff_id, str(tmp_path))


def test_an_empty_store_has_no_layers(tmp_path: object) -> None:
    assert layers.list_layers(f"{tmp_path}/nowhere") == []
    assert layers.find_layer("sha256:" + "a" * 64, str(tmp_path)) is None


def test_a_name_stands_for_one_diff_id() -> None:
    for diff_id in ("sha256:" + "0a" * 32, "sha512:" + "0b" * 64):
        assert layer.folder_name(diff_id).replace("-", ":", 1) == diff_id
