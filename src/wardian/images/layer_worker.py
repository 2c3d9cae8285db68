"""What is done to layers' trees by a process that may: root here, or root of a user namespace.

Kernel: user_namespaces(7).
"""

import json
import os
import sys
from typing import TYPE_CHECKING

from wardian.images import layer_entries, tree_builder
from wardian.images.tar_reader import Reader
from wardian.kernel import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wardian.images.tree_builder import Rules, Summary

_CHUNK_BYTES = 512 << 10
_ALL_IDS = 0xFFFFFFFF


def rules() -> "Rules":
    """Say what this process may do, by the id map of its user namespace."""
    with open("/proc/self/uid_map", "rb") as file:
        counts = [int(line.split()[2]) for line in file]
    if sum(counts) >= _ALL_IDS:
        return tree_builder.ROOT_RULES
    return tree_builder.MAPPED_RULES if sum(counts) > 1 else tree_builder.LONE_RULES


def build(pieces: "Iterable[bytes]", tree: str, limit_entries: int) -> "Summary":
    """Unpack an archive into an empty directory."""
    reader = Reader(pieces, limit_entries=limit_entries)
    return tree_builder.Builder(tree, rules()).run(layer_entries.items(reader), reader)


def unpack(arguments: "list[str]") -> str:
    """Unpack what comes from standard input; returns the summary for `read_summary`."""
    tree, limit_entries = arguments

    def chunks() -> "Iterable[bytes]":
        while chunk := os.read(sys.stdin.fileno(), _CHUNK_BYTES):
            yield chunk

    made = build(chunks(), tree, int(limit_entries))
    implicit = [os.fsdecode(path) for path in made.implicit]
    return json.dumps([made.entries, made.devices_left_out, implicit])


def read_summary(text: str) -> "Summary":
    """Return what `unpack` has told."""
    made = tree_builder.Summary()
    made.entries, made.devices_left_out, implicit = json.loads(text)
    made.implicit = [os.fsencode(path) for path in implicit]
    return made


def remove(arguments: "list[str]") -> str:
    """Remove a tree."""
    paths.remove_tree(arguments[0])
    return ""


def digest(arguments: "list[str]") -> str:
    """Return the digest of a tree with its times."""
    return paths.tree_digest(arguments[0], times=True)
