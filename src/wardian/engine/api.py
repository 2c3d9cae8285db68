"""`wardian.run` and `wardian.arun`: one command in a box, from start to result."""

import select

from wardian.engine.container import DEVNULL, PIPE, Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from wardian.engine.result import Result


def run(
    command: "Iterable[str] | str" = (),
    *,
    input: bytes | None = None,  # noqa: A002 - subprocess.run's word
    capture: bool = True,
    **options: object,
) -> "Result":
    """Run one command in a box of its own and wait for its end.

    Safe to call from many threads at once: they share one launcher process, and each call has its
    own channel to it.

    Args:
        command: the program and its arguments (a string is a program without arguments); may be
            left away with an image that names one.
        input: bytes for its standard input; without them it reads /dev/null.
        capture: collect stdout and stderr in the result; False lets the box write to ours.
        options: docker's words, as in `wardian run --help`, with "_" for "-"; image="NAME"; and
            progress=FUNCTION, called with each exchange.transfer.Event where it must be pulled.

    Raises:
        LaunchError: the box could not be built, or the program not started (`.exit_code`).
        UsageError: an option is wrong.
        UnsupportedError: this machine or user can't do what was asked.
    """
    wanted = PIPE if capture else None
    with Container(command, **options) as container:
        container.start(stdin=DEVNULL if input is None else PIPE, stdout=wanted, stderr=wanted)
        return container.communicate(input or b"")


async def arun(
    command: "Iterable[str] | str" = (),
    *,
    input: bytes | None = None,  # noqa: A002
    capture: bool = True,
    **options: object,
) -> "Result":
    """Like `run`, for asyncio: the event loop watches the box's descriptors, no thread is used.

    Building the box blocks the loop for a millisecond or two. A cancelled call kills its box.
    """
    import asyncio

    wanted = PIPE if capture else None
    loop = asyncio.get_running_loop()
    with Container(command, **options) as container:
        container.start(stdin=DEVNULL if input is None else PIPE, stdout=wanted, stderr=wanted)
        container.give(input or b"")
        while not container.ended:
            await _ready(loop, container)
            container.check_deadline()
        return container.wait()


async def _ready(loop: "asyncio.AbstractEventLoop", container: Container) -> None:
    """Wait until a descriptor of the container is ready and handle it, or its deadline comes."""
    news = loop.create_future()
    watched = container.watched()
    for fd, events in watched:
        watch = loop.add_writer if events == select.POLLOUT else loop.add_reader
        watch(fd, _wake, news)
    timer = None
    if container.patience_s is not None:
        timer = loop.call_later(container.patience_s, _wake, news)
    try:
        await news
    finally:
        if timer is not None:
            timer.cancel()
        for fd, events in watched:
            (loop.remove_writer if events == select.POLLOUT else loop.remove_reader)(fd)
    poll = select.poll()
    for fd, events in watched:
        poll.register(fd, events)
    for fd, _events in poll.poll(0):
        container.handle(fd)


def _wake(news: "asyncio.Future[None]") -> None:
    if not news.done():
        news.set_result(None)
