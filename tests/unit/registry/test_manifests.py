"""Documents of strangers: well-formed ones are read, any others are a SpecError."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import SpecError
from wardian.registry import digests, manifests, media

ROW = {"mediaType": media.OCI_CONFIG, "digest": "sha256:" + "a" * 64, "size": 2}
MANIFEST = {"schemaVersion": 2, "config": ROW, "layers": [], "unknown": {"kept": True}}


def test_a_manifest_keeps_its_bytes_and_its_unknown_fields() -> None:
    data = json.dumps(MANIFEST, indent=3).encode()
    found = manifests.read(data)
    assert found.data is data
    assert found.digest == digests.of(data)
    assert found.media_type == media.OCI_MANIFEST
    assert found.manifest
    assert found.manifest["unknown"] == {"kept": True}  # type: ignore[typeddict-item]
    assert found.descriptor() == {
        "mediaType": media.OCI_MANIFEST,
        "digest": found.digest,
        "size": len(data),
    }


def test_docker_s_documents_are_read_too() -> None:
    data = json.dumps({**MANIFEST, "mediaType": media.DOCKER_MANIFEST}).encode()
    assert manifests.read(data, media.DOCKER_MANIFEST).media_type == media.DOCKER_MANIFEST
    listed = {"schemaVersion": 2, "mediaType": media.DOCKER_LIST, "manifests": []}
    assert manifests.read(json.dumps(listed).encode()).index == listed


def test_an_unknown_type_in_an_index_is_no_error() -> None:
    row = {**ROW, "mediaType": "application/x-other"}
    index = {"schemaVersion": 2, "manifests": [row]}
    found = manifests.read(json.dumps(index).encode())
    assert found.index
    assert found.index["manifests"] == [row]


def test_null_is_as_good_as_nothing() -> None:
    document = {"schemaVersion": 2, "config": ROW, "layers": None, "annotations": None}
    assert manifests.read(json.dumps(document).encode()).manifest
    config = {"rootfs": {"type": "layers", "diff_ids": None}, "config": None, "history": None}
    assert manifests.read_config(json.dumps(config).encode())


def test_all_faults_are_told_at_once_and_not_more_than_people_read() -> None:
    rows = [{"digest": "x"}] * 10
    with pytest.raises(SpecError) as caught:
        manifests.read(json.dumps({"schemaVersion": 2, "config": ROW, "layers": rows}).encode())
    assert "layers[0].digest" in str(caught.value)
    assert "and 25 more" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)
NAMES = (
    *("schemaVersion", "mediaType", "manifests", "layers", "config"),
    *("subject", "rootfs", "history", "os"),
)
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))


@given(FIELDS)
def test_any_object_is_a_document_or_a_spec_error(document: object) -> None:
    data = json.dumps(document).encode()
    for read in (manifests.read, manifests.read_config):
        try:
            read(data)
        except SpecError as error:
            assert "\n" not in str(error)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_spec_error(data: bytes) -> None:
    for read in (manifests.read, manifests.read_config):
        with pytest.raises(SpecError):
            read(data)
