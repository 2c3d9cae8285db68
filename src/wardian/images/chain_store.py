"""Keep what a chain of layers needs besides its layers: see `chain_attributes`.

Kernel: rename(2), flock(2).
"""

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian.images.layer import CHAIN, FOLDER, LOCK, TEMPORARY, boot_id
from wardian.images.layer_store import discard, locked
from wardian.kernel import paths, side_process

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORKER = "wardian.images.chain_worker"


def attributes(diff_ids: "Sequence[str]", root_dir: str) -> str:
    """Return the directory with a chain's attributes, made where it is missing; "" for none."""
    folder = f"{root_dir}/{FOLDER}"
    name = CHAIN + sha256("\n".join(diff_ids).encode()).hexdigest()
    path = f"{folder}/{name}"
    with locked(f"{folder}/{LOCK}{name}"):
        if not _is_of_this_boot(path):
            temporary, lock = paths.make_locked(folder, TEMPORARY)
            try:
                _make(temporary, diff_ids, root_dir)
                discard(path)
                os.rename(temporary, path)
            except BaseException:
                discard(temporary)
                raise
            finally:
                os.close(lock)
    return f"{path}/tree" if os.path.exists(f"{path}/tree") else ""


def _is_of_this_boot(path: str) -> bool:
    # It was not flushed to the disk, so it is made again after a reboot.
    try:
        with open(f"{path}/chain", "rb") as file:
            return file.read().decode("ascii").partition("\n")[0] == boot_id()
    except FileNotFoundError:
        return False


def _make(folder: str, diff_ids: "Sequence[str]", root_dir: str) -> None:
    tree = f"{folder}/tree"
    os.mkdir(tree, 0o700)
    if side_process.call(f"{_WORKER}:complete", [root_dir, tree, *diff_ids]) == "0":
        discard(tree)
    text = "\n".join([boot_id(), *diff_ids])
    paths.write_atomic(f"{folder}/chain", text.encode("ascii"))
