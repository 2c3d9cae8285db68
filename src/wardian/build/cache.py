"""Find the layer that a step has made before from the same inputs.

    WARDIAN_ROOT/cache/build/steps/HEX   a step's key: its layer, and what it changed besides

A key is the digest of all that a step can depend on: the layers below by their content, so that it
does not matter how they came to be; the instruction with its variables put in; and the content of
the files that it takes. A layer that is gone from the store is made again.

Kernel: rename(2).
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian import errors, json_text
from wardian.build import tree as trees
from wardian.build.tree import Added, Layers, Tree
from wardian.kernel import paths

if TYPE_CHECKING:
    from typing import Any

FORMAT = 2  # raise it when a step makes something else of the same inputs
_FOLDER = "cache/build/steps"
_BYTES = 16 << 20
_ENTRIES_MAX = 5000


@dataclass(frozen=True)
class Outcome:
    """What a step made.

    Attributes:
        added: its layer; None for none.
        facts: what it changed of accounts and top; None for nothing.
        notes: what else has to be known: what came from the network.
    """

    added: "Added | None"
    facts: "dict[str, Any] | None" = None
    notes: "dict[str, Any] | None" = None

    def on(self, tree: Tree) -> Tree:
        """Return a tree with it."""
        return trees.on(tree, self.added, self.facts) if self.added else tree


def key(**inputs: "Any") -> str:
    """Return the key of these inputs, which JSON can hold."""
    import json

    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True, ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


class Cache:
    """The steps that were done before."""

    def __init__(self, root_dir: str, layers: Layers) -> None:
        self._folder = f"{root_dir}/{_FOLDER}"
        self._layers = layers

    def find(self, wanted: str) -> "Outcome | None":
        """Return what a step made; None where it has to be done."""
        try:
            words = json_text.read(f"{self._folder}/{wanted}", _BYTES)
            added = Added(words["row"], words["diff_id"]) if words["diff_id"] else None
            found = Outcome(added, words["facts"], words["notes"])
        except (errors.WardianError, KeyError, TypeError):
            return None  # never done, or by another version
        if added is not None and not self._layers.is_there(added):
            return None
        return found

    def save(self, wanted: str, outcome: Outcome) -> None:
        """Note what a step made."""
        os.makedirs(self._folder, 0o700, exist_ok=True)
        added = outcome.added
        words = {
            "diff_id": added.diff_id if added else "",
            "row": added.row if added else None,
            "facts": outcome.facts,
            "notes": outcome.notes,
        }
        paths.write_atomic(f"{self._folder}/{wanted}", json_text.dumps(words).encode(), 0o600)

    def sweep(self) -> None:
        """Remove the oldest notes where there are too many, and what a kill -9 left."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return
        old = [name for name in names if name.startswith(".tmp-")]
        if len(names) > _ENTRIES_MAX:
            by_age = sorted(names, key=lambda name: os.stat(f"{self._folder}/{name}").st_mtime_ns)
            old += by_age[: len(names) // 2]
        for name in old:
            try:
                os.unlink(f"{self._folder}/{name}")
            except FileNotFoundError:
                pass  # another build was faster
