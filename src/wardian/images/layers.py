"""Layers: find, make, check and remove them; the one door for everyone outside of this package.

A run loads only `layer`; what makes and removes layers is loaded when it is asked for.
"""

from wardian.images.layer import Layer, find_layer, list_layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = [
    "Layer",
    "find_layer",
    "list_layers",
    "remove_layer",
    "settle_layers",
    "store_layer",
    "sweep_layers",
    "verify_layer",
]


def store_layer(
    stream: "BinaryIO",
    media_type: str,
    diff_id: str,
    root_dir: str,
    *,
    progress: "Callable[[int], None] | None" = None,
) -> Layer:
    """Unpack a layer, once (layer_store.store)."""
    from wardian.images import layer_store

    return layer_store.store(stream, media_type, diff_id, root_dir, progress=progress)


def verify_layer(
    diff_id: str,
    root_dir: str,
    blob: "Callable[[], tuple[BinaryIO, str]] | None" = None,
) -> None:
    """Check a layer against its digest (layer_check.verify)."""
    from wardian.images import layer_check

    layer_check.verify(diff_id, root_dir, blob)


def remove_layer(diff_id: str, root_dir: str) -> int:
    """Remove a layer; returns the bytes that it freed (layer_store.remove)."""
    from wardian.images import layer_store

    return layer_store.remove(diff_id, root_dir)


def sweep_layers(root_dir: str) -> None:
    """Remove what killed processes left (layer_store.sweep)."""
    from wardian.images import layer_store

    layer_store.sweep(root_dir)


def settle_layers(root_dir: str) -> None:
    """Note which layers are on the disk by now, to survive a power cut (layer_store.settle)."""
    from wardian.images import layer_store

    layer_store.settle(root_dir)
