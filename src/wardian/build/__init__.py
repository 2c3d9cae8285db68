"""Layer 4. Build images of a Containerfile that come out the same, bit for bit.

    import wardian.build

    built = wardian.build.build("path/to/context", tags=["app:1"])
    print(built.id, built.diff_ids)

`World` says what RUN steps see besides the image and the recipe, and is there to be varied: the
same recipe in another world must give the same image.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.build.api import build as build
    from wardian.build.events import Built as Built
    from wardian.build.events import Event as Event
    from wardian.build.options import Options as Options
    from wardian.build.world import World as World

_LAZY = {
    "build": "wardian.build.api",
    "Built": "wardian.build.events",
    "Event": "wardian.build.events",
    "Options": "wardian.build.options",
    "World": "wardian.build.world",
}


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'wardian.build' has no attribute {name!r}")
    return getattr(__import__(module, fromlist=[name]), name)
