"""Media types: what a blob is. OCI's, and docker's older twins.

An unknown one in an index is no error: who chooses from it passes it over.

Source: image-spec, media-types.md; distribution, manifest/schema2 and manifest/manifestlist.
"""

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

_DOCKER_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"

INDEXES = frozenset((OCI_INDEX, DOCKER_LIST))
MANIFESTS = frozenset((OCI_MANIFEST, DOCKER_MANIFEST))
CONFIGS = frozenset((OCI_CONFIG, DOCKER_CONFIG))
ACCEPTED = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)

_COMPRESSIONS = {"": "none", "+gzip": "gzip", ".gzip": "gzip", "+zstd": "zstd", ".zstd": "zstd"}
# nondistributable layers are deprecated: nobody makes them, everybody must read them
_LAYER_STEMS = (
    OCI_LAYER,
    DOCKER_LAYER,
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
)
_LAYERS = {f"{stem}{end}": how for stem in _LAYER_STEMS for end, how in _COMPRESSIONS.items()}


def layer_compression(media_type: str) -> str:
    """Return "none", "gzip" or "zstd" for a layer's type; "" for what is no layer of files."""
    return _LAYERS.get(media_type, "")


def layer_type(compression: str) -> str:
    """Return OCI's type of a layer that is compressed so: "none", "gzip" or "zstd"."""
    return OCI_LAYER if compression == "none" else f"{OCI_LAYER}+{compression}"


def bare(content_type: str) -> str:
    """Return a Content-Type header's type, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_schema_1(media_type: str) -> bool:
    """Say whether it is docker's manifest of before 2015, which has no digests of layers' trees."""
    return media_type.startswith(_DOCKER_SCHEMA_1)
