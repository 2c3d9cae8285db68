"""Show a chain of layers as one tree: what to mount, or a plain copy.

Facts about chains
------------------
An overlay lists its lower layers from the top down. Since Linux 6.8 each can be its own option
("lowerdir+"), so that long paths and many layers don't have to fit into one page. EROFS layers are
mounted before; each mount of a file is a file system of its own, which takes 20 microseconds.

One directory can't be in an overlay twice, but images do have a layer twice (an empty one, often).
Only the upper one counts then: it makes, replaces and deletes all that the lower one did.

Kernel: overlayfs, erofs, mount(2).
"""

import os

from wardian import errors
from wardian.images.layer import Layer, find_layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wardian.images.normal import Rules

    Sink = Callable[[bytes | memoryview], object]

_WORKER = "wardian.images.chain_worker"
_CHUNK_BYTES = 512 << 10
MAXIMUM_LAYERS = 500  # fs/overlayfs/params.h: OVL_MAX_STACK


def chain(diff_ids: "Sequence[str]", root_dir: str) -> "list[Layer]":
    """Return the layers of an image as an overlay lists them, the topmost first.

    Args:
        diff_ids: as in the image's configuration, the lowest first.
        root_dir: where wardian keeps what lasts.

    Raises:
        NotFoundError: one is not there.
        SpecError: more than an overlay can have.
    """
    if len(diff_ids) > MAXIMUM_LAYERS:
        raise errors.SpecError(
            f"the image has {len(diff_ids)} layers; {MAXIMUM_LAYERS} can be shown"
        )
    found = []
    for diff_id in dict.fromkeys(reversed(diff_ids)):
        layer = find_layer(diff_id, root_dir)
        if layer is None:
            raise errors.NotFoundError(f'the layer "{diff_id}" is not unpacked')
        found.append(layer)
    return found


def complete(diff_ids: "Sequence[str]", root_dir: str) -> str:
    """Return a directory that belongs on top of the chain's lower layers; "" for most chains.

    It has the attributes of directories that upper layers hold without an entry
    (`chain_attributes`). It is made at the first call.
    """
    layers = chain(diff_ids, root_dir)
    if not any(os.path.exists(f"{layer.path}/implicit") for layer in layers[:-1]):
        return ""
    from wardian.images import chain_store

    return chain_store.attributes(diff_ids, root_dir)


def hold(layers: "Sequence[Layer]") -> "list[int]":
    """Keep all layers of a chain from being removed; returns the descriptors that do it.

    Raises:
        NotFoundError: one was removed meanwhile; none is held.
    """
    held: list[int] = []
    try:
        for layer in layers:
            held.append(layer.hold())  # noqa: PERF401 - what was held must be let go
    except BaseException:
        release(held)
        raise
    return held


def release(held: "Sequence[int]") -> None:
    """Let go of what `hold` returned."""
    for fd in held:
        os.close(fd)


def unpack(diff_ids: "Sequence[str]", target: str, root_dir: str) -> None:
    """Copy the tree that a chain of layers shows into a plain directory.

    As an ordinary user the files belong to the subordinate ids that the boxes have.

    Args:
        diff_ids: the layers, the lowest first.
        target: made if it is missing; it must be empty.
        root_dir: where wardian keeps what lasts.

    Raises:
        StatusError: the target is not empty.
        NotFoundError: a layer is not there.
    """
    from wardian.kernel import side_process

    layers = chain(diff_ids, root_dir)
    held = hold(layers)
    try:
        try:
            os.makedirs(target, exist_ok=True)
            if os.listdir(target):
                raise errors.StatusError(f'"{target}" is not empty')
        except OSError as error:
            if isinstance(error, errors.WardianError):
                raise
            raise errors.KernelError(f'mkdir("{target}")', error.errno or 0) from None
        words = [root_dir, complete(diff_ids, root_dir), os.path.abspath(target), *diff_ids]
        side_process.call(f"{_WORKER}:unpack", words)
    finally:
        release(held)


def pack_image(diff_ids: "Sequence[str]", sink: "Sink", root_dir: str) -> None:
    """Pack the tree that a chain of layers shows as one archive.

    Args:
        diff_ids: the layers, the lowest first.
        sink: takes the archive's bytes.
        root_dir: where wardian keeps what lasts.
    """
    layers = chain(diff_ids, root_dir)
    held = hold(layers)
    try:
        _piped("pack", [root_dir, complete(diff_ids, root_dir), *diff_ids], sink)
    finally:
        release(held)


def pack_tree(path: str, sink: "Sink") -> None:
    """Pack a directory as one layer (tree_packer.pack_tree)."""
    from wardian.images import tree_packer

    tree_packer.pack_tree(path, sink)


def pack_upper(
    path: str, sink: "Sink", rules: "Rules | None" = None, *, without: "Sequence[str]" = ()
) -> None:
    """Pack an overlay's upper directory as the next layer, whoever its files belong to.

    Args:
        path: the directory.
        sink: takes the archive's bytes.
        rules: as of tree_packer.pack_tree.
        without: what is left out: paths that begin with "/".
    """
    if os.geteuid() == 0:
        from wardian.images import tree_packer

        tree_packer.pack_upper(path, sink, rules, without=without)
    else:
        import json

        words = [os.path.abspath(path), json.dumps(list(without))]
        _piped("pack_upper", [*words, *(rules.words() if rules else [])], sink)


def _piped(function: str, words: "list[str]", sink: "Sink") -> None:
    from wardian.kernel.side_process import PIPE, SideProcess

    with SideProcess(f"{_WORKER}:{function}", words, stdout=PIPE) as side:
        while chunk := os.read(side.stdout.fileno(), _CHUNK_BYTES):
            sink(chunk)
        side.wait()
