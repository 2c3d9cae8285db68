"""Results on disk: one file for each submission, whole or not there.

A result is written under a temporary name and renamed, so that an interruption at any moment leaves
complete results of complete submissions. It is taken again only if problem, files and compiler are
those that it came from.

Kernel: rename(2) is atomic within one file system.
"""

import hashlib
import json
import os
import re

from wardian.errors import KernelError
from wardian.grade.results import SubmissionResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 1
LARGEST_BYTES = 64 << 20


class Store:
    """The results of one grading.

    Args:
        path: the directory, made if it is not there.

    Raises:
        KernelError: it can't be made.
    """

    def __init__(self, path: "str | os.PathLike[str]") -> None:
        self.path = os.fspath(path)
        self._results = os.path.join(self.path, "results")
        try:
            os.makedirs(self._results, exist_ok=True)
        except OSError as error:
            raise KernelError(f'mkdir("{self._results}")', error.errno or 0) from None

    def path_of(self, name: str) -> str:
        """Return the file of a submission's result: readable, and different for each name."""
        data = name.encode("utf-8", "surrogateescape")
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:40].lstrip(".") or "_"
        return os.path.join(self._results, f"{plain}-{hashlib.sha256(data).hexdigest()[:12]}.json")

    def load(
        self, name: str, digest: str, fingerprint: str, version_of: "Callable[[str], str]"
    ) -> SubmissionResult | None:
        """Return an earlier result, if it would come out the same today.

        Args:
            name: of the submission.
            digest: of its files.
            fingerprint: of the problem.
            version_of: gives the version of a language's compiler.
        """
        try:
            with open(self.path_of(name), "rb") as file:
                document = json.loads(file.read(LARGEST_BYTES))
            if document["format"] != FORMAT:
                return None
            found = SubmissionResult.from_dict(document["result"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        same = (found.name, found.digest, found.fingerprint) == (name, digest, fingerprint)
        if not same or found.has_judge_error:
            return None
        if found.version and found.version != version_of(found.language):
            return None
        return found

    def save(self, result: SubmissionResult) -> None:
        """Keep a result.

        Raises:
            KernelError: it can't be written.
        """
        document = {"format": FORMAT, "result": result.as_dict()}
        write(self.path_of(result.name), json.dumps(document, indent=1).encode("ascii"))


def write(path: str, content: bytes) -> None:
    """Write a file so that it is there whole, or as it was before.

    Raises:
        KernelError: it can't be written.
    """
    temporary = f"{path}.{os.getpid()}.new"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise KernelError(f'write("{path}")', error.errno or 0) from None
