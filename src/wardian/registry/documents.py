"""Index, manifest and config as types, in the specification's own words. Imported for types only.

Unknown fields are kept wherever a document is copied: what is stored and pushed are the bytes that
came, never a document written again.

Source: image-spec: descriptor.md, image-index.md, manifest.md, config.md.
"""

from typing import Any, TypedDict


class PlatformDocument(TypedDict, total=False):
    """Where an image runs."""

    architecture: str
    os: str
    variant: str


# "os.version" and "os.features" are no Python names
PlatformExtras = TypedDict(
    "PlatformExtras", {"os.version": str, "os.features": list[str]}, total=False
)


class Descriptor(TypedDict, total=False):
    """What a blob is, how long, and its digest."""

    mediaType: str
    digest: str
    size: int
    urls: list[str]
    annotations: dict[str, str]
    data: str
    artifactType: str
    platform: PlatformDocument


class Index(TypedDict, total=False):
    """Manifests for several platforms under one digest; docker's manifest list."""

    schemaVersion: int
    mediaType: str
    artifactType: str
    manifests: list[Descriptor]
    subject: Descriptor
    annotations: dict[str, str]


class Manifest(TypedDict, total=False):
    """A config and its layers."""

    schemaVersion: int
    mediaType: str
    artifactType: str
    config: Descriptor
    layers: list[Descriptor]
    subject: Descriptor
    annotations: dict[str, str]


class RunConfig(TypedDict, total=False):
    """What a program of the image starts with; docker's words."""

    User: str
    ExposedPorts: dict[str, object]
    Env: list[str]
    Entrypoint: list[str]
    Cmd: list[str]
    Volumes: dict[str, object]
    WorkingDir: str
    Labels: dict[str, str]
    StopSignal: str
    ArgsEscaped: bool
    Healthcheck: dict[str, Any]
    Shell: list[str]


class History(TypedDict, total=False):
    """How a layer came to be."""

    created: str
    created_by: str
    author: str
    comment: str
    empty_layer: bool


class RootFS(TypedDict, total=False):
    """The digests of the uncompressed layers, from the bottom."""

    type: str
    diff_ids: list[str]


class Config(TypedDict, total=False):
    """An image's config; its digest is the image's id."""

    created: str
    author: str
    architecture: str
    os: str
    variant: str
    config: RunConfig
    rootfs: RootFS
    history: list[History]
