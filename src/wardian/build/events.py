"""What a build tells while it goes on."""

from dataclasses import dataclass

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
