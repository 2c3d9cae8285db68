"""The seccomp filter of an OCI container: linux.seccomp as bytes, from the cache where known.

Unlike in a profile that a person wrote, names that this libseccomp does not know are left out: the
engines write one list for all kernels.

Source: opencontainers/runtime-spec, config-linux.md "Seccomp".
"""

import os

from wardian import json_text
from wardian.runtime import filter_cache
from wardian.runtime.filter_cache import SeccompFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wardian.runtime.spec import Seccomp, Spec


def cache_dir() -> str:
    """Return where compiled filters of containers are kept."""
    if os.geteuid() == 0:
        return "/run/wardian/oci-filters"
    base = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/wardian-oci-{os.geteuid()}"  # noqa: S108
    return os.path.join(base, "wardian", "oci-filters")


def resolve(spec: "Spec", bindings: "dict[str, str | bytes]") -> None:
    """Compile linux.seccomp; the extension names it by digest, and `bindings` has its bytes.

    Raises:
        SpecError: rules that can't be.
        UnsupportedError: libseccomp is missing or too old.
    """
    asked = spec.get("linux", {}).get("seccomp")
    if not asked:
        return
    found = compiled(asked)
    extension = spec.setdefault("wardian", {})
    extension["seccomp"], extension["seccomp_flags"] = found.digest, found.flags
    bindings[f"$seccomp:{found.digest}"] = found.bpf


def compiled(asked: "Seccomp") -> SeccompFilter:
    """Return the filter of a linux.seccomp document."""
    uname = os.uname()
    text = json_text.dumps(asked)
    key = f"{uname.machine} {text}"
    found = filter_cache.load(cache_dir(), key, key)
    if found is None:
        found = _compile(asked, uname.machine)
        filter_cache.store(cache_dir(), key, key, found)
    return found


def _compile(asked: "Mapping[str, object]", machine: str) -> SeccompFilter:
    from wardian.kernel import probe, seccomp

    document = seccomp.resolve(asked, caps=-1, arch=machine, kernel=probe.facts().kernel)
    bpf = seccomp.assemble(document, lenient=True)
    return SeccompFilter(seccomp.digest(document), bpf, seccomp.flags(document))
