"""What a feature lends the boxes that it runs: layers without a name, and a directory to write to.

A build has neither an image nor a kept layer that anybody else should see. It lends both under a
word with a blank in it, which no image and no layer can have; a box takes the word where a name is
expected.

A lent directory is one of those that `kept.sweep` removes as soon as nobody holds its lock: the
build holds it, and the launcher as long as a box lives. So nothing is left after a kill -9 that the
next command does not remove.

Kernel: flock(2).
"""

import os

from wardian import errors
from wardian.engine import kept
from wardian.kernel import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.engine.image_records import Record
    from wardian.engine.kept import Top

MARK = "lent "


class Loan:
    """Layers to stand on, and what else a box on them gets.

    Attributes:
        record: the layers; its config counts as an image's.
        below: a directory under the lowest layer, where mounts find their places; or "".
        files: small files over the root's, which are never on a disk: path, mode, content.
        owners: of these, where that is not root: path, uid, gid.
        umask: of the program.
        attend: called with the box's process, in its namespaces, before the program starts; or
            None.
    """

    __slots__ = ("attend", "below", "files", "owners", "record", "umask")

    def __init__(
        self,
        record: "Record",
        *,
        below: str = "",
        files: "list[tuple[str, int, bytes]] | None" = None,
        owners: "list[tuple[str, int, int]] | None" = None,
        umask: int = 0o022,
        attend: "Callable[[int], None] | None" = None,
    ) -> None:
        self.record = record
        self.below = below
        self.files = files or []
        self.owners = owners or []
        self.umask = umask
        self.attend = attend


_loans: "dict[str, Loan]" = {}


class lend:  # noqa: N801 - used as a function
    """Lend layers while this is open; gives the word that a box takes as an image's name."""

    __slots__ = ("_word",)

    def __init__(self, loan: Loan) -> None:
        self._word = f"{MARK}{os.urandom(6).hex()}"
        _loans[self._word] = loan

    def __enter__(self) -> str:
        return self._word

    def __exit__(self, *_error: object) -> None:
        _loans.pop(self._word, None)


def loan(word: str) -> Loan:
    """Return what a word stands for.

    Raises:
        NotFoundError: nothing.
    """
    found = _loans.get(word)
    if found is None:
        raise errors.NotFoundError(f'there is no image "{word[:300]}"')
    return found


class Scratch:
    """A directory to write to, over lent layers; `name` is what a box takes as its kept layer.

    Attributes:
        name: a word with a blank.
        path: where it lies.
    """

    __slots__ = ("_layer", "name", "path")

    def __init__(self, top: "Top", *, root_dir: str) -> None:
        place = kept.folder(root_dir)
        kept.sweep(root_dir=root_dir)
        self.path, lock_fd = paths.make_locked(place, ".tmp-box-")
        self.name = f"{MARK}{os.path.basename(self.path)}"
        info = kept.Info(self.name, {"base": MARK}, [("/", "")])
        self._layer = kept.Layer(self.path, info, lock_fd, is_fresh=True)
        try:
            kept.make_upper(self.upper, top)
            os.mkdir(f"{self.path}/work0", 0o700)
        except BaseException:
            self._layer.close()
            raise
        kept.lent[self.name] = self._layer

    @property
    def upper(self) -> str:
        """What was written."""
        return f"{self.path}/upper0"

    def close(self) -> None:
        """Remove it."""
        kept.lent.pop(self.name, None)
        self._layer.close()

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
