"""What a build gave."""

from dataclasses import dataclass, field

from wardian.build.events import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.engine.image import Image
    from wardian.registry.documents import Config


@dataclass(frozen=True)
class Done:
    """A step that was done.

    Attributes:
        step: which.
        layer: the diff id of the layer that it made; "" for none.
        is_cached: it was found, and nothing was run.
        seconds: how long it took.
    """

    step: Step
    layer: str
    is_cached: bool
    seconds: float


@dataclass(frozen=True)
class Built:
    """An image that was built.

    Attributes:
        image: it, in the store.
        id: the digest of its config.
        diff_ids: of its layers, the lowest first. With the config they are its identity.
        config: the config document.
        steps: what was done for it, in order.
        epoch_s: SOURCE_DATE_EPOCH of this build.
        lock: the lock file that was read or written; "" for none.
        warnings: what the user should know.
    """

    image: "Image"
    id: str
    diff_ids: "tuple[str, ...]"
    config: "Config"
    steps: "list[Done]" = field(default_factory=list)
    epoch_s: int = 0
    lock: str = ""
    warnings: "list[str]" = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return self.image.digest
