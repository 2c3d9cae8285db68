"""Check that layers are still what their diff ids say.

An EROFS layer is its archive, whose digest is taken again, and an index, which is made again and
compared. An unpacked directory can only be compared with what its blob unpacks to.
"""

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import erofs_index, erofs_writer, layer_entries
from wardian.images.erofs_index import UnfitError
from wardian.images.layer import DIRECTORY, EROFS, FOLDER, TEMPORARY, Layer, find_layer
from wardian.images.layer_store import WORKER, Limits, Making, chunks, discard
from wardian.images.pipeline import Hasher
from wardian.images.tar_reader import Reader
from wardian.kernel import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_BUFFER_BYTES = 1 << 20


def verify(
    diff_id: str,
    root_dir: str,
    blob: "Callable[[], tuple[BinaryIO, str]] | None" = None,
) -> None:
    """Check that a layer is still what its diff id says.

    Args:
        diff_id: which.
        root_dir: where it lies.
        blob: opens the layer's blob; gives it, to be closed here, and its media type. An unpacked
            directory can be checked only against this: it is unpacked again beside it, and both
            are compared.

    Raises:
        NotFoundError: it is not there.
        SpecError: it is damaged.
    """
    layer = find_layer(diff_id, root_dir)
    if layer is None:
        raise errors.NotFoundError(f'there is no layer "{diff_id}"')
    held = layer.hold()
    try:
        if layer.form == EROFS:
            _verify_erofs(layer)
        elif blob is not None:
            stream, media_type = blob()
            with contextlib.closing(stream):
                _verify_tree(layer, root_dir, stream, media_type)
        elif not os.path.isdir(layer.tree):
            raise errors.SpecError(f'the layer "{diff_id}" has lost its directory')
    except FileNotFoundError as error:
        raise errors.SpecError(f'the layer "{diff_id}" has lost "{error.filename}"') from None
    finally:
        os.close(held)


def _verify_erofs(layer: Layer) -> None:
    hasher = Hasher(layer.diff_id)
    tree = erofs_index.Tree()
    try:
        tree.run(
            layer_entries.items(
                Reader(hasher.watch(chunks(layer.archive)), limit_entries=sys.maxsize)
            )
        )
        hasher.check(layer.diff_id)
    except UnfitError:
        pass
    finally:
        hasher.close()
    with open(layer.index, "rb", buffering=_BUFFER_BYTES) as index:
        expected = _Expected(index, layer)
        size = os.stat(layer.archive).st_size
        erofs_writer.write(
            tree.top,
            expected,  # type: ignore[arg-type]
            diff_id=layer.diff_id,
            archive_bytes=size,
        )
        expected.write(index.read(1))


class _Expected:
    """A file that is only compared with what would be written to it."""

    def __init__(self, file: "BinaryIO", layer: Layer) -> None:
        self._file = file
        self._layer = layer

    def write(self, data: bytes) -> int:
        if self._file.read(len(data)) != data:
            raise errors.SpecError(f'the index of the layer "{self._layer.diff_id}" is damaged')
        return len(data)


def _verify_tree(layer: Layer, root_dir: str, stream: "BinaryIO", media_type: str) -> None:
    temporary, lock = paths.make_locked(f"{root_dir}/{FOLDER}", TEMPORARY)
    try:
        Making(layer.diff_id, Limits(sys.maxsize, sys.maxsize)).run(
            stream, media_type, temporary, DIRECTORY
        )
        if _digest(layer.tree) != _digest(f"{temporary}/tree"):
            raise errors.SpecError(
                f'the files of the layer "{layer.diff_id}" are not those of its archive'
            )
    finally:
        discard(temporary)
        os.close(lock)


def _digest(tree: str) -> str:
    if os.geteuid() == 0:
        return paths.tree_digest(tree, times=True)
    from wardian.kernel import side_process

    return side_process.call(f"{WORKER}:digest", [tree])
