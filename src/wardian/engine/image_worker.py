"""Look at the tree that an image's layers show together; in a process with its own namespaces.

Run by kernel.side_process, never imported by the engine.
"""

import os
from stat import S_IMODE

from wardian import errors, json_text
from wardian.engine.accounts import GROUP, PASSWD
from wardian.images import chain_worker, snapshots, tree_packer
from wardian.kernel import overlay, paths

_ACCOUNT_BYTES = 1 << 20


def facts(arguments: "list[str]") -> str:
    """Return the accounts and the top directory as JSON: ROOT_DIR ATTRIBUTES DIFF-ID..."""
    root_dir, attributes, *diff_ids = arguments
    merged = chain_worker.mount_chain(snapshots.chain(diff_ids, root_dir), attributes)
    found = os.stat(merged)
    return json_text.dumps(
        {
            "accounts": {path: _text(merged, path) for path in (PASSWD, GROUP)},
            "top": (S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns),
        }
    )


def _text(root: str, path: str) -> "str | None":
    try:
        data = paths.read_in_root(root, path, _ACCOUNT_BYTES)
    except (errors.SpecError, errors.KernelError):
        return None  # a device, a link to itself ...: it names nobody
    return None if data is None else os.fsdecode(data)


def diff(arguments: "list[str]") -> str:
    """Return as JSON what an upper directory changes, and what of it is made for mounts only.

    ROOT_DIR ATTRIBUTES UPPER MOUNTS DIFF-ID...; MOUNTS is a list in JSON.
    """
    root_dir, attributes, upper, mounts, *diff_ids = arguments
    held = os.open(upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # mounts may cover it
    merged = chain_worker.mount_chain(snapshots.chain(diff_ids, root_dir), attributes)
    changes = list(overlay.changes(f"/proc/self/fd/{held}/.", merged, "/"))
    changes.sort(key=lambda change: os.fsencode(change.path))
    top = f"/proc/self/fd/{held}"
    left_out = overlay.only_mounted_on(changes, json_text.loads(mounts), top)
    shown = [(one.kind, one.path) for one in changes if one.path not in left_out]
    return json_text.dumps([shown, sorted(left_out)])


def pack(arguments: "list[str]") -> str:
    """Pack the tree with an upper directory on it: ROOT_DIR ATTRIBUTES UPPER DIFF-ID..."""
    root_dir, attributes, upper, *diff_ids = arguments
    layers = snapshots.chain(diff_ids, root_dir)
    merged = chain_worker.mount_chain(layers, attributes, upper=upper)
    with chain_worker.standard_output() as out:
        tree_packer.pack_tree(merged, out.write)
    return ""
