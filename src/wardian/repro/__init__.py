"""Layer 4. Vary the world, compare, record, replay; random numbers that no worker can change.

from wardian.repro import rng

values = [rng(task).normal(size=1000) for task in range(64)]   # numpy.random.Generator
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.repro.streams import rng as rng
    from wardian.repro.streams import root_seed as root_seed
    from wardian.repro.streams import stdlib_rng as stdlib_rng

_LAZY = {
    "rng": "wardian.repro.streams",
    "root_seed": "wardian.repro.streams",
    "stdlib_rng": "wardian.repro.streams",
}


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'wardian.repro' has no attribute {name!r}")
    return getattr(__import__(module, fromlist=[name]), name)
