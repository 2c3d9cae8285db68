"""What refers to an image is found, whether the registry keeps the list or its clients do."""

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures, registries
from tests.registries import Exchange, FaultProxy, Registry, skopeo
from wardian.errors import SpecError
from wardian.exchange.pull import pull
from wardian.exchange.push import push
from wardian.images.store import Store
from wardian.registry import referrers
from wardian.registry.repository import Repository
from wardian.registry.session import Session
from wardian.registry.settings import Settings


class Samples:
    """An image in team/app, and two that refer to it; only their first copy is by skopeo."""

    def __init__(self, place: Path, registry: Registry) -> None:
        layout = pictures.Layout(place)
        image = layout.manifest([{"a": b"image"}])
        self.subject = layout.name(image, "app")
        self.digests = {
            kind: layout.name(self._about(layout, image, kind), kind) for kind in ("sig", "sbom")
        }
        for name in ("app", *self.digests):
            skopeo(
                *("copy", "--preserve-digests", "--dest-tls-verify=false"),
                *(f"oci:{place}:{name}", f"docker://{registry.address}/team/app:{name}"),
            )

    def _about(
        self, layout: pictures.Layout, image: dict[str, object], kind: str
    ) -> dict[str, object]:
        row = layout.manifest([{"a": kind.encode()}])
        path = layout.path / "blobs" / "sha256" / str(row["digest"])[7:]
        document = json.loads(path.read_bytes())
        document["subject"] = {key: image[key] for key in ("mediaType", "digest", "size")}
        document["artifactType"] = f"application/x.{kind}"
        document["annotations"] = {"kind": kind}
        return layout.blob(json.dumps(document).encode(), pictures.MANIFEST)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """One of its own for each test: the lists stay in it."""
    with registries.registry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def samples(tmp_path: Path, registry: Registry) -> Samples:
    return Samples(tmp_path / "samples", registry)


def send(store: Store, address: str, kind: str) -> None:
    name = f"{address}/team/app:{kind}"
    pull(store, name)
    push(store, name)


def ask(address: str, digest: str, artifact_type: str = "") -> list[tuple[str, str, str]]:
    session = Session(address, Settings())
    try:
        found = referrers.of(Repository(session, "team/app"), digest, artifact_type)
    finally:
        session.close()
    return [
        (row["digest"], row.get("artifactType", ""), row.get("annotations", {}).get("kind", ""))
        for row in found
    ]


def expected(samples: Samples, *kinds: str) -> list[tuple[str, str, str]]:
    return [(samples.digests[kind], f"application/x.{kind}", kind) for kind in kinds]


def test_where_the_registry_keeps_no_list_a_push_does(
    store: Store, registry: Registry, samples: Samples
) -> None:
    assert ask(registry.address, samples.subject) == []
    for kind in ("sig", "sbom", "sig"):
        send(store, registry.address, kind)
    assert ask(registry.address, samples.subject) == expected(samples, "sig", "sbom")
    only = ask(registry.address, samples.subject, "application/x.sbom")
    assert only == expected(samples, "sbom")
    assert ask(registry.address, samples.digests["sig"]) == []
    tag = samples.subject.replace(":", "-")
    raw = skopeo(
        *("inspect", "--raw", "--tls-verify=false"), f"docker://{registry.address}/team/app:{tag}"
    )
    assert [row["digest"] for row in json.loads(raw.stdout)["manifests"]] == list(
        samples.digests.values()
    )


class Lists:
    """The referrers API in front of a registry that lacks it, one descriptor on a page."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.rows: dict[str, list[dict[str, object]]] = {}

    def __call__(self, exchange: Exchange) -> bool:
        parts = urllib.parse.urlsplit(exchange.handler.path)
        if exchange.handler.command == "PUT" and "/manifests/" in parts.path:
            return self._put(exchange)
        if "/referrers/" not in parts.path:
            return False
        digest = parts.path.rpartition("/")[2]
        at = int(urllib.parse.parse_qs(parts.query).get("at", ["0"])[0])
        rows = self.rows.get(digest, [])
        document = {
            "schemaVersion": 2,
            "mediaType": pictures.INDEX,
            "manifests": rows[at : at + 1],
        }
        headers = {"Content_Type": pictures.INDEX}
        if at + 1 < len(rows):
            headers["Link"] = f'<{parts.path}?at={at + 1}>; rel="next"'
        exchange.answer(200, json.dumps(document).encode(), **headers)
        return True

    def _put(self, exchange: Exchange) -> bool:
        document = json.loads(exchange.body)
        subject = document.get("subject")
        if not subject:
            return False
        status, _headers, data = exchange.forward()
        assert status == 201, data
        row = {
            "mediaType": pictures.MANIFEST,
            "digest": pictures.sha256(exchange.body),
            "size": len(exchange.body),
            "artifactType": document["artifactType"],
            "annotations": document["annotations"],
        }
        self.rows.setdefault(subject["digest"], []).append(row)
        exchange.answer(201, OCI_Subject=subject["digest"])
        return True


def test_where_the_registry_keeps_it_nobody_else_does(
    store: Store, registry: Registry, proxy: FaultProxy, samples: Samples
) -> None:
    proxy.rule = Lists(registry)
    for kind in ("sig", "sbom"):
        send(store, proxy.address, kind)
    assert ask(proxy.address, samples.subject) == expected(samples, "sig", "sbom")
    pages = [line for line in proxy.seen if "/referrers/" in line]
    assert [line.rpartition("?")[2] for line in pages[1:]] == ["at=1"]
    tag = samples.subject.replace(":", "-")
    assert not any(tag in line for line in proxy.seen)
    # A server may take no notice of the filter.
    only = ask(proxy.address, samples.subject, "application/x.sbom")
    assert only == expected(samples, "sbom")


def test_a_list_that_is_none_is_refused(proxy: FaultProxy, samples: Samples) -> None:
    def rule(exchange: Exchange) -> bool:
        if "/referrers/" not in exchange.handler.path:
            return False
        exchange.answer(200, b'{"manifests": 3}', Content_Type=pictures.INDEX)
        return True

    proxy.rule = rule
    with pytest.raises(SpecError, match="referrers of"):
        ask(proxy.address, samples.subject)
