"""What refers to a manifest: signatures, lists of parts, attestations.

Facts about referrers
---------------------
A manifest with a "subject" refers to it. A registry of specification 1.1 lists them by itself, and
says so by OCI-Subject when such a manifest is pushed; elsewhere 404 comes, and the list is an index
that clients keep under the tag "sha256-HEX".

Source: distribution-spec, "Listing Referrers", "Pushing Manifests with Subject".
"""

import json
import urllib.parse

from wardian.errors import NotFoundError, SpecError
from wardian.registry import manifests, media

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.registry.documents import Descriptor, Index
    from wardian.registry.manifests import Document
    from wardian.registry.repository import Repository


def of(repository: "Repository", digest: str, artifact_type: str = "") -> "list[Descriptor]":
    """Return the descriptors of what refers to a manifest.

    Args:
        repository: where both are.
        digest: of the subject.
        artifact_type: only those of this type.
    """
    what = f'referrers of "{repository}@{digest}"'
    query = f"?artifactType={urllib.parse.quote(artifact_type)}" if artifact_type else ""
    found: list[Descriptor] = []
    try:
        for response in repository.pages(f"referrers/{digest}{query}", what):
            data = response.read(manifests.MANIFEST_BYTES)
            found += _entries(manifests.read(data, media.OCI_INDEX, what))
    except NotFoundError:
        found = _entries(_by_tag(repository, digest))
    return [row for row in found if artifact_type in ("", row.get("artifactType"))]


def tag_of(digest: str) -> str:
    """Return the tag under which clients keep the list."""
    return digest.replace(":", "-")[:128]


def pushed(repository: "Repository", document: "Document", has_subject_header: bool) -> None:
    """After a push: add a manifest to its subject's list, where the registry doesn't by itself.

    Args:
        repository: where it was pushed to.
        document: what was pushed.
        has_subject_header: the registry answered with OCI-Subject.
    """
    body = document.manifest or document.index or {}
    subject = body.get("subject")
    if not subject or has_subject_header:
        return
    entry = document.descriptor()
    config = (document.manifest or {}).get("config", {}).get("mediaType", "")
    kind = body.get("artifactType") or config
    if kind:
        entry["artifactType"] = kind
    if body.get("annotations"):
        entry["annotations"] = body["annotations"]
    rows = _entries(_by_tag(repository, subject["digest"]))
    if any(row["digest"] == entry["digest"] for row in rows):
        return
    index: Index = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": [*rows, entry]}
    data = json.dumps(index, separators=(",", ":")).encode()
    repository.put_manifest(tag_of(subject["digest"]), data, media.OCI_INDEX)


def _by_tag(repository: "Repository", digest: str) -> "Document | None":
    try:
        return repository.manifest(tag_of(digest))
    except NotFoundError:
        return None


def _entries(document: "Document | None") -> "list[Descriptor]":
    if document is None:
        return []
    if document.index is None:
        raise SpecError(f'referrers "{document.digest}": not an index')
    return list(document.index.get("manifests") or [])
