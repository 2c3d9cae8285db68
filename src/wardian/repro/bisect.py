"""Find which variation alone makes an output differ, by halving the set of variations.

A set that changes an output is halved; the halves that change it too are halved again. So every
variation that is a cause alone is found, with about 2 log2(n) runs for each. Where neither half
changes what both do together, the set is made as small as it gets by leaving one away at a time
(delta debugging).

Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002).
"""

from collections.abc import Callable, Iterable, Sequence

Names = tuple[str, ...]
Differing = Callable[[Names], "set[str]"]


class Search:
    """One search.

    Args:
        differing: runs with these variations; returns the paths that differ from the control's.
    """

    def __init__(self, differing: Differing) -> None:
        self._differing = differing
        self._known: dict[frozenset[str], set[str]] = {}
        self.causes: dict[str, list[Names]] = {}

    def known(self, names: Names, paths: "set[str]") -> None:
        """Remember what a run has shown already."""
        self._known[frozenset(names)] = paths

    def changed_by(self, names: Names) -> "set[str]":
        """Return the paths that these variations change; runs where that is not known."""
        key = frozenset(names)
        if key not in self._known:
            self._known[key] = self._differing(names) if names else set()
        return self._known[key]

    def find(self, names: Sequence[str], paths: "Iterable[str]") -> "dict[str, list[Names]]":
        """Return for each path the sets of variations that change it, each as small as it gets.

        Args:
            names: all that change them together.
            paths: which paths.
        """
        self._halve(tuple(names), set(paths))
        return self.causes

    def _halve(self, names: Names, paths: "set[str]") -> None:
        if not paths:
            return
        if len(names) == 1:
            for path in paths:
                self.causes.setdefault(path, []).append(names)
            return
        middle = len(names) // 2
        alone = set()
        for half in (names[:middle], names[middle:]):
            changed = self.changed_by(half) & paths
            alone |= changed
            self._halve(half, changed)
        for path in sorted(paths - alone):
            self.causes.setdefault(path, []).append(self._least(names, path))

    def _least(self, names: Names, path: str) -> Names:
        """Leave away what is not needed to change a path."""
        for name in names:
            fewer = tuple(one for one in names if one != name)
            if fewer and path in self.changed_by(fewer):
                names = fewer
        return names
