"""Refuse a bad config.json, naming the JSON path: first its shape, then its sense (pure).

What comes out is a copy that holds only what the specification knows, each value of the right type
and range, so that whoever compiles it need not look again. In the copy null counts as absent, a
relative mount destination is absolute, and capabilities that no kernel has are gone:

* "Runtimes MAY log unknown properties but MUST otherwise ignore them" (config.md, Extensibility);
  so is the key "wardian", which is this engine's own and not for a stranger to set.
* A destination "MAY be a relative path, in which case it MUST be interpreted as relative to "/""
  (config.md, Mounts). One with ".." is refused: "runtimes MAY choose which subset of the valid
  values it will support" (Valid values).
* A capability that "cannot be mapped to a relevant kernel interface [...] MUST be logged as a
  warning" (config.md, Linux Process): `check` adds it to the caller's warnings.

Not judged here, since it takes the host: whether paths exist, whether a namespace's path leads to
that kind of namespace, and what runtime.resources and kernel.seccomp check.

Source: opencontainers/runtime-spec 1.3, config.md and config-linux.md.
"""

from wardian import json_text
from wardian.oci import validate_process, validate_rules
from wardian.oci.validate_shape import Shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.runtime.spec import Process, Spec

    Document = dict[str, Any]

LARGEST_CONFIG_BYTES = 16 << 20


def read_config(path: str, warnings: "list[str] | None" = None) -> "Spec":
    """Read and check a config.json.

    Raises:
        NotFoundError: there is no such file.
        KernelError: it can't be read.
        SpecError: it is no JSON, too large, or wrong; names the JSON path.
    """
    return check(json_text.read(path, LARGEST_CONFIG_BYTES), warnings)


def check(document: object, warnings: "list[str] | None" = None) -> "Spec":
    """Return what a config.json says.

    Args:
        document: as the JSON reader gave it.
        warnings: what deserves a warning in the log is added here.

    Raises:
        SpecError: the first fault with its JSON path; the hint has the others.
    """
    log = [] if warnings is None else warnings
    shape = Shape()
    spec = shape.record("Spec", document, "")
    process = spec.get("process")
    if process is not None:
        _console(shape, process, "process.")
        validate_process.check(shape, process, "process.", log)
        validate_rules.check_ids(shape, spec, process)
    validate_rules.check(shape, spec, log)
    shape.report()
    return spec  # type: ignore[return-value]  # its shape was just checked


def check_process(document: object, warnings: "list[str] | None" = None) -> "Process":
    """Return what a process.json says: a process that is to join a running container.

    Raises:
        SpecError: the first fault with its JSON path; the hint has the others.
    """
    shape = Shape()
    process = shape.record("Process", document, "")
    _console(shape, process, "")
    validate_process.check(shape, process, "", [] if warnings is None else warnings)
    shape.report()
    return process  # type: ignore[return-value]  # its shape was just checked


def check_resources(document: object) -> "Document":
    """Return what a file of resources says, in shape; runtime.resources judges the sense.

    Raises:
        SpecError: the first fault with its JSON path; the hint has the others.
    """
    shape = Shape()
    found = shape.record("Resources", document, "")
    shape.report()
    return found


def _console(shape: Shape, process: "Document", where: str) -> None:
    """Check the size of a console, which MUST be ignored where there is no terminal."""
    size = process.pop("consoleSize", None)
    if process.get("terminal") and size is not None:
        process["consoleSize"] = shape.record("ConsoleSize", size, where + "consoleSize")
