"""What a build tells while it goes on, and what it gave."""

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.engine.image import Image
    from wardian.registry.documents import Config

STARTED, OUTPUT, DONE, CACHED, TRANSFER = "started", "output", "done", "cached", "transfer"


@dataclass(frozen=True)
class Step:
    """One instruction of one stage.

    Attributes:
        number: from 1, over all stages that are built.
        total: how many there are.
        stage: its name, or its number as text.
        text: as written, on one line: "RUN make".
        line: where it begins in the recipe.
    """

    number: int
    total: int
    stage: str
    text: str
    line: int


@dataclass(frozen=True)
class Event:
    """One piece of news.

    Attributes:
        kind: STARTED, OUTPUT, DONE, CACHED, or TRANSFER (of a base image).
        step: which step it is about; None for none.
        data: what the program wrote, of OUTPUT.
        seconds: how long it took, of DONE.
        layer: the diff id that came out, of DONE and CACHED; "" where there is none.
        transfer: an exchange.transfer.Event, of TRANSFER.
    """

    kind: str
    step: "Step | None" = None
    data: bytes = b""
    seconds: float = 0.0
    layer: str = ""
    transfer: object = None


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
